import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { fixedClock } from '#base/clock.ts'
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { duration, integer, list, secret, socketAddress, text } from '#settings/field.ts'
import { settingsObject, type AnySettingsObject } from '#settings/object.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { followStoredSettings, takeStoredSettings } from './follow-store.ts'
import { LiveSettings } from './live.ts'
import type { Scope } from './managed-object.ts'
import { Management } from './management.ts'
import { settingsHandlers } from './settings-handler.ts'
import { settingsTable } from './settings-rows.ts'

const help = ''
const imap = settingsObject({
  name: 'Imap',
  title: 'IMAP',
  help,
  many: false,
  fields: {
    timeoutIdle: duration({ fallback: 60_000, help }),
    maxAuthFailures: integer({ fallback: 3, help, min: 1 }),
    password: secret({ fallback: undefined, help }),
  },
})
const listener = settingsObject({
  name: 'NetworkListener',
  title: 'Listeners',
  help,
  many: true,
  classic: 'server.listener',
  fields: {
    bind: list(socketAddress({ fallback: undefined, help }), { fallback: [], help, required: true, min: 1 }),
    low: integer({ fallback: 0, help }),
    high: integer({ fallback: 10, help }),
  },
  check: ({ low, high }) => (low > high ? [{ field: 'low', text: 'is above high' }] : []),
  facts: {
    fields: { count: integer({ fallback: 0, settable: 'never', help }) },
    of: ({ bind }) => ({ count: bind.length }),
  },
})
const store = settingsObject({
  name: 'DataStore',
  title: 'Store',
  help,
  many: false,
  early: true,
  fields: { engine: text({ fallback: 'lmdb', help }) },
})
const objects: AnySettingsObject[] = [imap, listener, store]

const scope: Scope = {
  account: 0 as AccountId,
  actor: {
    account: 0 as AccountId,
    name: 'admin',
    ip: '127.0.0.1',
    protocol: 'test',
    permissions: new Set(
      objects.flatMap(({ name }) =>
        ['Get', 'Query', 'Create', 'Update', 'Destroy'].map((verb) => `sys${name}${verb}`),
      ),
    ),
  },
}

function open(toml = '') {
  const failed = (error: unknown): never => {
    throw error
  }
  const bus = new LocalBus({ onError: failed })
  const db = new KvDb(new MemoryEngine(new MemoryBlobs()), bus)
  const settings = new LiveSettings(objects, { POSTERN_IMAP_TIMEOUTIDLE: toml === '' ? undefined : '5m' })
  settings.loadText(toml, 'x.toml')
  const handlers = settingsHandlers({ settings, bus })
  const clock = fixedClock(0)
  const management = new Management({ db, clock, telemetry: silentTelemetry, handlers })
  const update = (name: string, key: string, patch: unknown, o = {}) =>
    management.update(name, key, patch, scope, o)
  return { bus, db, settings, management, update, failed }
}

async function problemsOf(doing: Promise<unknown>): Promise<readonly string[]> {
  const error = await doing.then(
    () => assert.fail('nothing was wrong'),
    (reason: unknown) => reason,
  )
  assert.ok(isFault(error, 'invalid'), String(error))
  return error.detail.problems!.map(({ property, problem }) => `${property} ${problem}`)
}

test('what is written is in force, shown with its origin, and survives', async () => {
  const { db, settings, update, management } = open()
  let heard = 0
  using _ = settings.onChange(imap, () => heard++)
  const shown = await update('Imap', 'singleton', { timeoutIdle: '2m', maxAuthFailures: 5 })
  assert.equal(settings.get(imap).timeoutIdle, 120_000)
  assert.equal(heard, 1)
  assert.deepEqual(shown.values, {
    timeoutIdle: 120_000,
    maxAuthFailures: 5,
    password: null,
    origins: { timeoutIdle: 'store', maxAuthFailures: 'store' },
  })
  const again = new LiveSettings(objects)
  assert.deepEqual(await takeStoredSettings(db, again), [])
  assert.equal(again.get(imap).maxAuthFailures, 5)
  // null takes back what was set.
  const back = await update('Imap', 'singleton', { maxAuthFailures: null })
  assert.deepEqual(back.values['origins'], { timeoutIdle: 'store' })
  assert.equal(settings.get(imap).maxAuthFailures, 3)
  assert.deepEqual((await management.get('Imap', 'Imap', scope)).values, back.values)
})

test('secrets are kept and not shown; the mark that is shown leaves them', async () => {
  const { settings, update, db } = open()
  const set = await update('Imap', 'singleton', { password: 'hunter2' })
  assert.equal(set.values['password'], '[secret]')
  const { origins: _, ...settable } = set.values
  await update('Imap', 'singleton', { ...settable, timeoutIdle: 1000 })
  assert.equal(settings.get(imap).password?.reveal(), 'hunter2')
  await update('Imap', 'singleton', { password: null })
  assert.equal(settings.get(imap).password, undefined)
  await db.read(async (tx) =>
    assert.deepEqual(await tx.get(settingsTable, 'Imap', ''), { timeoutIdle: 1000 }),
  )
})

test('the file and the environment win and cannot be changed from here', async () => {
  const { update, management } = open('Imap.maxAuthFailures = 7\n')
  assert.deepEqual((await management.get('Imap', 'singleton', scope)).values['origins'], {
    timeoutIdle: 'environment',
    maxAuthFailures: 'x.toml:1',
  })
  assert.deepEqual(await problemsOf(update('Imap', 'singleton', { timeoutIdle: 1, maxAuthFailures: 1 })), [
    'timeoutIdle is set in the environment and can only be changed there',
    'maxAuthFailures is set in x.toml:1 and can only be changed there',
  ])
})

test('objects of which there may be several: create, change, destroy', async () => {
  const { settings, management, update } = open('[server.listener.file]\nbind = "[::]:25"\n')
  const created = await management.create('NetworkListener', { name: 'mine', bind: ['127.0.0.1:0'] }, scope)
  assert.equal(created.id, 'mine')
  assert.deepEqual(created.values['bind'], ['127.0.0.1:0'])
  assert.equal(created.values['count'], 1)
  assert.deepEqual(
    settings.each(listener).map(({ id }) => id),
    ['mine', 'file'],
  )
  await update('NetworkListener', 'file', { high: 20 })
  assert.equal(settings.each(listener).find(({ id }) => id === 'file')?.high, 20)
  const query = { filter: {}, position: 0, limit: 10 }
  assert.deepEqual(await management.query('NetworkListener', query, scope), {
    ids: ['mine', 'file'],
    total: 2,
  })
  for (const name of ['mine', 'file'])
    await assert.rejects(management.create('NetworkListener', { name, bind: ['[::]:1'] }, scope), (error) =>
      isFault(error, 'exists'),
    )
  await management.destroy('NetworkListener', 'mine', scope)
  assert.equal(settings.each(listener).length, 1)
  await assert.rejects(management.destroy('NetworkListener', 'file', scope), (error) =>
    isFault(error, 'forbidden'),
  )
  await assert.rejects(update('NetworkListener', 'mine', { low: 1 }), (error) => isFault(error, 'notFound'))
})

test('wrong values, alone or together, change nothing; ids are plain', async () => {
  const { settings, management, update } = open('[server.listener.a]\nbind = "[::]:25"\n')
  assert.deepEqual(await problemsOf(update('NetworkListener', 'a', { low: 11 })), ['low is above high'])
  assert.deepEqual(await problemsOf(update('NetworkListener', 'a', { low: 'x', nothing: 1, count: 2 })), [
    'low must be a whole number',
    'nothing is not known',
    'count is set by the server',
  ])
  for (const name of ['', 'a/b', '../x', 'a b', '.hidden', 'x'.repeat(80)])
    assert.match(
      (await problemsOf(management.create('NetworkListener', { name, bind: ['[::]:1'] }, scope)))[0]!,
      /^name must be/,
    )
  assert.equal(settings.each(listener).length, 1)
  assert.equal(settings.each(listener)[0]!.low, 0)
})

test('a dry run and an old revision change nothing', async () => {
  const { settings, update, management } = open()
  const { revision } = await management.get('Imap', 'singleton', scope)
  const dry = await update('Imap', 'singleton', { timeoutIdle: 1000 }, { dryRun: true })
  assert.equal(dry.values['timeoutIdle'], 1000)
  assert.equal(settings.get(imap).timeoutIdle, 60_000)
  await update('Imap', 'singleton', { timeoutIdle: 2000 }, { ifRevision: revision })
  await assert.rejects(
    update('Imap', 'singleton', { timeoutIdle: 3000 }, { ifRevision: revision }),
    (error) => isFault(error, 'conflict'),
  )
  assert.equal(settings.get(imap).timeoutIdle, 2000)
})

test('what is read before the store is shown and cannot be stored', async () => {
  const { management, update } = open('DataStore.engine = "sqlite"\n')
  assert.equal((await management.get('DataStore', 'singleton', scope)).values['engine'], 'sqlite')
  await assert.rejects(update('DataStore', 'singleton', {}), (error) => isFault(error, 'forbidden'))
})

test('another worker hears of it and reads again', async () => {
  const { bus, db, update, failed } = open()
  const other = new LiveSettings(objects)
  using _ = followStoredSettings({ db, bus, settings: other, onError: failed })
  const changed = new Promise<void>((resolve) => other.onChange(imap, resolve))
  await update('Imap', 'singleton', { timeoutIdle: 1000 })
  await changed
  assert.equal(other.get(imap).timeoutIdle, 1000)
})

test('rows that this release cannot read have no effect', async () => {
  const { db, settings } = open()
  await db.write([], async (tx) => {
    tx.put(settingsTable, ['Imap', ''], { timeoutIdle: 'soon', maxAuthFailures: 4, later: 1 })
    tx.put(settingsTable, ['NetworkListener', 'a'], { low: 1 })
    tx.put(settingsTable, ['Nothing', ''], {})
  })
  const warnings = await takeStoredSettings(db, settings)
  assert.equal(warnings.length, 2)
  assert.match(warnings[0]!, /^Imap\.timeoutIdle must be a duration .*no effect$/)
  assert.match(warnings[1]!, /^NetworkListener\.a\.bind is missing: .*no effect$/)
  assert.equal(settings.get(imap).maxAuthFailures, 4)
  assert.deepEqual(settings.each(listener), [])
})
