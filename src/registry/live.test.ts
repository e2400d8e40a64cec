import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import { duration, integer, list, oneOf, secret, socketAddress, text } from '#settings/field.ts'
import { settingsObject, type AnySettingsObject } from '#settings/object.ts'
import { LiveSettings } from './live.ts'

const imap = settingsObject({
  name: 'Imap',
  title: 'IMAP',
  help: 'Limits of IMAP sessions.',
  many: false,
  fields: {
    timeoutIdle: duration({
      fallback: 1_800_000,
      help: 'How long IDLE may last.',
      classic: 'imap.timeout.idle',
    }),
    maxAuthFailures: integer({
      fallback: 3,
      help: 'Failures before the connection ends.',
      min: 1,
      restart: true,
    }),
    password: secret({ fallback: undefined, help: 'A secret.' }),
  },
})
const listener = settingsObject({
  name: 'NetworkListener',
  title: 'Listeners',
  help: 'Where the server listens.',
  many: true,
  classic: 'server.listener',
  fields: {
    bind: list(socketAddress({ fallback: undefined, help: '' }), {
      fallback: [],
      help: '',
      classic: 'bind',
      min: 1,
    }),
    protocol: oneOf(['smtp', 'imap'], { fallback: 'smtp', help: '' }),
    greeting: text({ fallback: 'hello', help: '' }),
  },
})
const objects: AnySettingsObject[] = [imap, listener]

test('fallbacks hold until a file is loaded', () => {
  const settings = new LiveSettings(objects)
  assert.equal(settings.get(imap).timeoutIdle, 1_800_000)
  assert.equal(settings.get(imap), settings.get(imap))
  assert.deepEqual(settings.each(listener), [])
  assert.equal(settings.originOf(imap, 'timeoutIdle'), undefined)
})

test('a file overlays them and is named as the origin', () => {
  const settings = new LiveSettings(objects)
  const { warnings } = settings.loadText(
    '[imap.timeout]\nidle = "10m"\n[server.listener.a]\nbind = "[::]:25"\n',
    'x.toml',
  )
  assert.deepEqual(warnings, [])
  assert.equal(settings.get(imap).timeoutIdle, 600_000)
  assert.equal(settings.originOf(imap, 'timeoutIdle'), 'x.toml:2')
  assert.equal(settings.originOf(listener, 'bind', 'a'), 'x.toml:4')
  assert.deepEqual(settings.each(listener), [
    { id: 'a', bind: [{ ip: '::', port: 25 }], protocol: 'smtp', greeting: 'hello' },
  ])
})

test('one wrong value leaves everything as it was and every fault is named', () => {
  const settings = new LiveSettings(objects)
  settings.loadText('Imap.maxAuthFailures = 5', 'x.toml')
  let calls = 0
  using _ = settings.onChange(imap, () => calls++)
  assert.throws(
    () => settings.loadText('[Imap]\nmaxAuthFailures = 7\ntimeoutIdle = "soon"\npassword = 5\n', 'x.toml'),
    (error) => {
      assert(isFault(error, 'invalid'))
      assert.equal(
        error.publicText,
        'x.toml:3: Imap.timeoutIdle must be a duration such as "30s", "5m" or "1h 30m", not "soon"\n' +
          'x.toml:4: Imap.password must be a text that is not empty',
      )
      return true
    },
  )
  assert.equal(settings.get(imap).maxAuthFailures, 5)
  assert.equal(calls, 0)
})

test('handlers hear of changes of their object only, after all values changed', () => {
  const settings = new LiveSettings(objects)
  const heard: string[] = []
  const imapHandler = settings.onChange(imap, () => heard.push(`imap ${settings.each(listener).length}`))
  settings.onChange(listener, () => heard.push(`listener ${settings.get(imap).maxAuthFailures}`))
  const first = '[Imap]\nmaxAuthFailures = 5\npassword = "a"\n[server.listener.a]\nbind = "[::]:25"\n'
  assert.deepEqual(settings.loadText(first, 'x').restart, ['Imap.maxAuthFailures'])
  assert.deepEqual(heard.splice(0), ['imap 1', 'listener 5'])

  const before = settings.get(imap)
  assert.deepEqual(settings.loadText(`\n${first}`, 'x').restart, [])
  assert.deepEqual(heard, [])
  assert.equal(settings.get(imap), before)
  assert.equal(settings.originOf(imap, 'password'), 'x:4')

  settings.loadText(first.replace('"a"', '"b"'), 'x')
  assert.deepEqual(heard.splice(0), ['imap 1'])
  assert.equal(settings.get(imap).password?.reveal(), 'b')

  imapHandler[Symbol.dispose]()
  settings.loadText('', 'x')
  assert.deepEqual(heard, ['listener 3'])
})

test('files, macros and reload', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern settings '))
  try {
    const file = join(directory, 'postern.toml')
    writeFileSync(join(directory, 'password'), 'hunter2\n')
    writeFileSync(
      file,
      'Imap.maxAuthFailures = "%{env:FAILURES}%"\nImap.password = "%{file:password}%"\nwrong = 1\n',
    )
    const settings = new LiveSettings(objects, { FAILURES: '9' })
    assert.deepEqual(settings.load(file).warnings, [
      'postern.toml:3: wrong is not a known setting and has no effect',
    ])
    assert.equal(settings.get(imap).maxAuthFailures, 9)
    assert.equal(settings.get(imap).password?.reveal(), 'hunter2')
    writeFileSync(file, 'Imap.maxAuthFailures = 4\n')
    assert.deepEqual(settings.reload(), {
      warnings: [],
      changed: ['Imap'],
      restart: ['Imap.maxAuthFailures'],
    })
    assert.equal(settings.get(imap).maxAuthFailures, 4)
    rmSync(file)
    assert.throws(
      () => settings.reload(),
      (error) => isFault(error, 'notFound') && error.publicText.includes(file),
    )
    assert.equal(settings.get(imap).maxAuthFailures, 4)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('an object that is not in the catalog is a mistake of ours', () => {
  const settings = new LiveSettings([imap])
  assert.throws(() => settings.each(listener), /NetworkListener is not in the catalog/)
  assert.throws(() => new LiveSettings(objects).get(listener), /use each/)
})
