import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment } from './environment.ts'
import { integer, list, secret, text } from './field.ts'
import { mergeLayers } from './merge.ts'
import { settingsObject, type AnySettingsObject } from './object.ts'
import { readDocument } from './read.ts'
import { parseToml } from './toml.ts'

const help = ''
const system: AnySettingsObject = settingsObject({
  name: 'SystemSettings',
  title: '',
  help,
  many: false,
  fields: {
    defaultHostname: text({ fallback: 'localhost', help }),
    threadPoolSize: integer({ fallback: 1, help }),
    names: list(text({ fallback: undefined, help }), { fallback: [], help }),
    key: secret({ fallback: undefined, help }),
  },
})
const listener: AnySettingsObject = settingsObject({
  name: 'NetworkListener',
  title: '',
  help,
  many: true,
  fields: { maxConnections: integer({ fallback: 10, help }) },
})
const objects = [system, listener]
const file = readDocument(
  parseToml('SystemSettings.threadPoolSize = 2\n[NetworkListener.imap-s]\nmaxConnections = 20\n', 'x.toml'),
  objects,
  () => undefined,
).layer

function read(variables: Record<string, string>) {
  const { layer, problems } = readEnvironment(variables, objects, [file], (kind, name) =>
    kind === 'file' && name === '/run/key' ? 'hunter2' : undefined,
  )
  const merged = mergeLayers(objects, [file, layer])
  return { problems: problems.map((problem) => problem.text), objects: merged.objects }
}

test('a variable wins over the file, in any spelling', () => {
  for (const name of [
    'POSTERN_SYSTEMSETTINGS_THREADPOOLSIZE',
    'POSTERN_SYSTEM_SETTINGS_THREAD_POOL_SIZE',
    'POSTERN_SystemSettings_threadPoolSize',
  ]) {
    const result = read({ [name]: '4' })
    assert.deepEqual(result.problems, [])
    const [one] = result.objects.get(system)!
    assert.equal(one!.values['threadPoolSize'], 4)
    assert.equal(one!.origins.get('threadPoolSize'), 'environment')
  }
})

test('objects by their id, lists, and macros', () => {
  const result = read({
    POSTERN_NETWORKLISTENER_IMAP_S_MAXCONNECTIONS: '30',
    POSTERN_SYSTEMSETTINGS_NAMES: 'a, b c',
    POSTERN_SYSTEMSETTINGS_KEY: '%{file:/run/key}%',
  })
  assert.deepEqual(result.problems, [])
  assert.equal(result.objects.get(listener)![0]!.values['maxConnections'], 30)
  const { names, key } = result.objects.get(system)![0]!.values
  assert.deepEqual(names, ['a', 'b', 'c'])
  assert.equal((key as { reveal(): string }).reveal(), 'hunter2')
})

test('what is wrong is said with the name of the variable; others are left alone', () => {
  const { problems } = read({
    POSTERN_SYSTEMSETTINGS_THREADPOOLSIZE: 'many',
    POSTERN_NETWORKLISTENER_IMAP_MAXCONNECTIONS: '1',
    POSTERN_SYSTEMSETTINGS_COLOUR: 'green',
    POSTERN_DATA: '/srv',
    SYSTEMSETTINGS_NAMES: 'a',
  })
  assert.deepEqual(problems, [
    'POSTERN_SYSTEMSETTINGS_THREADPOOLSIZE must be a whole number, not "many"',
    'POSTERN_NETWORKLISTENER_IMAP_MAXCONNECTIONS has no effect: the configuration has no NetworkListener of that id, or it has no such field',
    'POSTERN_SYSTEMSETTINGS_COLOUR is not a known setting and has no effect',
  ])
})
