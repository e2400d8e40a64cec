import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { argon2Hash } from '#account/verifiers/argon2.ts'
import { hasherOnThisThread } from '#account/hash-pool.ts'
import { LiveSettings } from '#registry/live.ts'
import { administratorAccess } from '#account/candidate.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { Advice } from './terminal/advice.ts'
import { readArguments } from './terminal/arguments.ts'
import { settingsObjects } from './catalog.ts'
import { AdministratorSignIn } from './web/fallback-admin.ts'
import { nextSweep } from './background/housekeeping.ts'
import { version } from './version.ts'

test('the version is that of package.json', () => {
  const file = new URL('../../package.json', import.meta.url)
  assert.equal(version, (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version)
})

test('where data is: the option, the environment, ./data', () => {
  const directoryOf = (args: string[], data?: string): string =>
    readArguments(args, { POSTERN_DATA: data }).directory
  assert.equal(directoryOf([]), resolve('data'))
  assert.equal(directoryOf([], ''), resolve('data'))
  assert.equal(directoryOf(['start'], '/srv/mail'), '/srv/mail')
  assert.equal(directoryOf(['--data', '/srv/other'], '/srv/mail'), '/srv/other')
})

test('what is no argument is refused with the usage', () => {
  for (const args of [['stop'], ['start', 'now'], ['--port', '25'], ['--config'], ['--data=']]) {
    assert.throws(
      () => readArguments(args, {}),
      (error) => error instanceof Advice && error.message.includes('Usage: '),
    )
  }
})

test('the sweep is once a day at the same time', () => {
  const at = Date.UTC(2026, 10, 21, 3)
  assert.equal(nextSweep(at - 1), at)
  assert.equal(nextSweep(at), at + 86_400_000)
  assert.equal(nextSweep(at + 1), at + 86_400_000)
})

test('the administrator of the configuration: by password or hash, beside the other one', async () => {
  const hash = argon2Hash(Buffer.from('hunter22'))
  const settings = new LiveSettings(settingsObjects)
  const asked: string[] = []
  const signIn = new AdministratorSignIn({
    settings,
    passwords: hasherOnThisThread(),
    telemetry: silentTelemetry,
    signIn: {
      administrator: async (name) => {
        asked.push(name)
        return 'wrong'
      },
      apiKey: async () => 'wrong',
    },
  })
  const from = { ip: '127.0.0.1', protocol: 'http' }
  const attempt = (name: string, password: string) => signIn.administrator(name, password, from)
  assert.equal(await attempt('admin', 'hunter22'), 'wrong')
  for (const secret of ['hunter22', hash]) {
    const lines = `user = "boss"\nsecret = ${JSON.stringify(secret)}\n`
    settings.loadText(`[authentication.fallback-admin]\n${lines}`, 'x')
    assert.deepEqual(await attempt('boss', 'hunter22'), administratorAccess('boss'))
    assert.equal(await attempt('boss', 'hunter23'), 'wrong')
    assert.equal(await attempt('admin', 'hunter22'), 'wrong')
  }
  assert.deepEqual(asked, ['admin', 'boss', 'admin', 'boss', 'admin'])
  // What only looks like a hash would be a password that nobody knows.
  assert.throws(
    () => settings.loadText('[authentication.fallback-admin]\nsecret = "$y$j9T$abc"\n', 'x'),
    /secret.*known forms.*SHA-512 crypt/,
  )
})
