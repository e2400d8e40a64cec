import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { updateDomainRows, destroyDomainRows } from '#account/domain-rows.ts'
import { makeStore } from '#account/fixture.test.ts'
import { dkimDefaults, dkimKeyTable, type DkimKeyRow, type DkimManagement } from '#account/dkim-tables.ts'
import type { Resolver } from '#dns/resolution.ts'
import type { Db } from '#kv/db.ts'
import { taskTable } from '#kv/task-rows.ts'
import { LiveSettings } from '#registry/live.ts'
import { TaskScheduler } from '#tasks/scheduler.ts'
import { OtherWorker } from '../../test/harness/other-worker.ts'
import { DkimKeys } from './dkim-keys.ts'
import { dkimRecordText } from './dkim-record.ts'
import { dkimRoundTask, followDkimTask, scheduleDkimRound } from './dkim-tasks.ts'
import { certSettings } from './settings.ts'
import { SigningKeys } from './signing-keys.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const none = { authentic: false, ttl: 300, server: '', cached: false }

/** A DNS of TXT records; `fails` while it does not answer. */
function fakeDns() {
  const texts = new Map<string, readonly string[]>()
  const state = { asked: [] as string[], fails: false }
  const resolver = {
    async resolve(name: string) {
      state.asked.push(name)
      if (state.fails) return { kind: 'failed', why: 'timeout', reason: '', temporary: true, cached: false }
      const found = texts.get(name)
      if (found === undefined) return { kind: 'noName', ...none }
      const records = found.map((text) => ({
        type: 'TXT',
        name,
        ttl: 300,
        strings: (text.match(/.{1,255}/gs) ?? []).map((one) => Buffer.from(one)),
      }))
      return { kind: 'answer', name, records, ...none }
    },
  } as unknown as Resolver
  return { texts, state, resolver }
}

function setUp() {
  const store = makeStore()
  const dns = fakeDns()
  const keys = new DkimKeys({ ...store, resolver: dns.resolver })
  const { clock } = store
  const kinds = [followDkimTask({ keys, clock }), dkimRoundTask({ keys, clock })]
  const open = (db: Db = store.db): TaskScheduler => new TaskScheduler({ ...store, db, kinds })
  const all = async (domain = 'example.org'): Promise<readonly (DkimKeyRow & { selector: string })[]> => {
    const rows = await store.db.read((tx) => tx.list(dkimKeyTable, [domain]))
    return rows.map(([[, selector], row]) => ({ selector, ...row }))
  }
  const stages = async (domain?: string): Promise<Record<string, string>> =>
    Object.fromEntries((await all(domain)).map(({ selector, stage }) => [selector, stage]))
  /** Puts the records of all keys into the DNS. */
  const publish = async (domain = 'example.org'): Promise<void> => {
    for (const key of await all(domain))
      dns.texts.set(`${key.selector}._domainkey.${domain}`, [dkimRecordText(key)])
  }
  const manage = (change: Partial<DkimManagement>) =>
    store.db.write([], (tx) =>
      updateDomainRows(tx, 'example.org', (row) => ({
        ...row,
        dkimManagement: { ...row.dkimManagement, ...change },
      })),
    )
  const signing = new SigningKeys({ ...store, settings: new LiveSettings(certSettings) })
  const signs = async (domain = 'example.org'): Promise<readonly string[]> =>
    (await signing.keysOf(domain)).map(({ selector }) => selector)
  return { ...store, dns, keys, kinds, open, all, stages, publish, manage, signs }
}

/** One algorithm, which is quick. */
async function withDomain() {
  const made = setUp()
  const dkimManagement: DkimManagement = { ...dkimDefaults, algorithms: ['ed25519-sha256'] }
  await made.accounts.createDomain({ name: 'example.org', dkimManagement })
  await scheduleDkimRound(made.db, made.clock)
  const scheduler = made.open()
  await scheduler.kick()
  /** Lets time go by in steps, as a clock does. */
  const pass = async (ms: number, stepMs = hourMs): Promise<void> => {
    for (let left = ms; left > 0; left -= stepMs) {
      made.clock.advance(Math.min(left, stepMs))
      await scheduler.kick()
    }
  }
  return { ...made, scheduler, pass }
}

describe('DKIM keys of a domain', () => {
  it('are there soon after it, one of each algorithm, and sign when their records are seen', async () => {
    const { accounts, clock, open, stages, publish, signs, told } = setUp()
    await accounts.createDomain({ name: 'example.org' })
    await using scheduler = open()
    await scheduler.kick()
    assert.deepEqual(await stages(), { 'v1-ed25519-20231114': 'pending', 'v1-rsa-20231114': 'pending' })
    assert.deepEqual(await signs(), [])
    await publish()
    clock.advance(60_000)
    await scheduler.kick()
    assert.deepEqual(await signs(), ['v1-ed25519-20231114', 'v1-rsa-20231114'])
    const keyEvents = told.filter(({ event }) => event.startsWith('cert.'))
    assert.deepEqual(
      keyEvents.map(({ event, selector, stage }) => [event, selector, stage]),
      [
        ['cert.dkim-key-created', 'v1-ed25519-20231114', undefined],
        ['cert.dkim-key-created', 'v1-rsa-20231114', undefined],
        ['cert.dkim-key-stage', 'v1-ed25519-20231114', 'active'],
        ['cert.dkim-key-stage', 'v1-rsa-20231114', 'active'],
      ],
    )
    assert.ok(!JSON.stringify(told).includes('PRIVATE'))
  })

  it('live a year by themselves, where each record is published some days late', async () => {
    const { stages, publish, signs, pass, all } = await withDomain()
    const seen = new Map<string, string[]>()
    let unsigned = 0
    for (let day = 1; day <= 365; day++) {
      if (day % 10 === 5) await publish()
      await pass(dayMs, 6 * hourMs)
      for (const [selector, stage] of Object.entries(await stages())) {
        const life = seen.get(selector) ?? []
        if (life.at(-1) !== stage) life.push(stage)
        seen.set(selector, life)
      }
      if (day > 5 && (await signs()).length !== 1) unsigned++
    }
    assert.equal(unsigned, 0)
    const whole = ['pending', 'active', 'retiring', 'retired']
    assert.deepEqual([...seen.values()], [whole, whole, whole, whole.slice(0, 2)])
    assert.equal((await all()).length, 1)
    assert.deepEqual(
      [...seen.keys()].map((selector) => selector.split('-')[0]),
      ['v1', 'v2', 'v3', 'v4'],
    )
  })

  it('go on signing where the DNS does not answer, says nothing, or has another key', async () => {
    const { stages, publish, pass, dns, signs } = await withDomain()
    const [selector] = Object.keys(await stages()) as [string]
    const name = `${selector}._domainkey.example.org`
    dns.texts.set(name, ['v=DKIM1; k=ed25519; p='])
    await pass(hourMs)
    dns.texts.set(name, ['v=DKIM1; k=ed25519; p=AAAA'])
    await pass(hourMs)
    await publish()
    const [right] = dns.texts.get(name)!
    dns.texts.set(name, [right!, 'v=DKIM1; p='])
    await pass(hourMs)
    dns.state.fails = true
    await pass(hourMs)
    assert.deepEqual(await stages(), { [selector]: 'pending' })
    dns.state.fails = false
    await publish()
    await pass(hourMs)
    assert.deepEqual(await signs(), [selector])
    dns.texts.clear()
    await pass(10 * dayMs, 6 * hourMs)
    assert.deepEqual(await signs(), [selector])
  })

  it('are looked for often at first, and once a day where nobody publishes them', async () => {
    const { pass, dns } = await withDomain()
    assert.equal(dns.state.asked.length, 0)
    await pass(hourMs, 60_000)
    assert.equal(dns.state.asked.length, 6)
    await pass(47 * hourMs)
    const before = dns.state.asked.length
    await pass(10 * dayMs)
    assert.equal(dns.state.asked.length - before, 10)
  })

  it('are made once, by however many workers at once, and after a crash at any place', async () => {
    const { accounts, db, clock, keys, kinds, bus, telemetry, all, manage } = setUp()
    await accounts.createDomain({ name: 'example.org' })
    await manage({ algorithms: ['ed25519-sha256'] })
    const o = { look: () => true, signal: new AbortController().signal }
    await Promise.all(Array.from({ length: 5 }, () => keys.step('example.org', o)))
    assert.equal((await all()).length, 1)
    await Promise.all(Array.from({ length: 5 }, () => keys.step('example.org', { ...o, rotation: 'soon' })))
    assert.equal((await all()).length, 1)

    // The effect is committed and the end of the task is not.
    let writes = 0
    const dying = {
      read: db.read.bind(db),
      write: async (...args: Parameters<Db['write']>) => {
        if (++writes % 3 === 2) throw new Error('killed')
        return db.write(...args)
      },
    } as Db
    await accounts.createDomain({ name: 'example.net' })
    const scheduler = new TaskScheduler({ db: dying, bus, clock, telemetry, kinds })
    await scheduler.kick().catch(() => undefined)
    await scheduler[Symbol.asyncDispose]().catch(() => undefined)
    clock.advance(hourMs)
    await using again = new TaskScheduler({ db, bus, clock, telemetry, kinds })
    await again.kick()
    assert.equal((await all('example.net')).length, 2)
  })

  it('are exchanged at a word: soon, or at once where somebody else may have them', async () => {
    const { keys, stages, publish, pass, signs } = await withDomain()
    const o = { look: () => false, signal: new AbortController().signal }
    await publish()
    await pass(hourMs)
    const [first] = await signs()
    const soon = await keys.step('example.org', { ...o, rotation: 'soon' })
    assert.deepEqual(soon?.created, ['v2-ed25519-20231114'])
    assert.deepEqual(await signs(), [first])
    const atOnce = await keys.step('example.org', { ...o, rotation: 'atOnce' })
    assert.deepEqual(atOnce?.created, ['v3-ed25519-20231114'])
    assert.deepEqual(atOnce?.retired, [first, 'v2-ed25519-20231114'])
    assert.deepEqual(await signs(), [])
    await publish()
    await pass(hourMs)
    assert.deepEqual(await stages(), {
      [first!]: 'retired',
      'v2-ed25519-20231114': 'retired',
      'v3-ed25519-20231114': 'active',
    })
  })

  it('are there for its aliases, and gone with them and with it', async () => {
    const { db, pass, stages, publish, signs, accounts } = await withDomain()
    const aliases = (some: readonly string[]) =>
      db.write([], (tx) => updateDomainRows(tx, 'example.org', (row) => ({ ...row, aliases: some })))
    await aliases(['example.net'])
    await pass(hourMs)
    await publish('example.net')
    await pass(hourMs)
    assert.deepEqual(await signs('example.net'), ['v1-ed25519-20231114'])
    await aliases([])
    await pass(hourMs)
    assert.deepEqual(await stages('example.net'), {})
    await db.write([], (tx) => destroyDomainRows(tx, 'example.org'))
    accounts.forget('example.org')
    await pass(2 * hourMs)
    assert.deepEqual(await stages(), {})
    const tasks = (await db.read((tx) => tx.list(taskTable, []))).map(([, { task }]) => task)
    assert.deepEqual(tasks, ['cert.round-of-dkim-keys'])
  })

  it('are left alone where they are managed by hand', async () => {
    const { accounts, manage, open, all } = setUp()
    await accounts.createDomain({ name: 'example.org' })
    await manage({ type: 'manual' })
    await using scheduler = open()
    await scheduler.kick()
    assert.deepEqual(await all(), [])
  })

  it('are looked after in the round although a domain before them cannot be', async () => {
    const { clock, open, kinds, keys, accounts, all, db } = setUp()
    for (const name of ['a.example', 'b.example']) await accounts.createDomain({ name })
    const step = keys.step.bind(keys)
    keys.step = async (domain, o) => {
      if (domain === 'a.example') throw new Error('broken')
      return step(domain, o)
    }
    await scheduleDkimRound(db, clock)
    clock.advance(hourMs)
    assert.equal(kinds.length, 2)
    await using scheduler = open()
    await scheduler.kick()
    assert.equal((await all('b.example')).length, 2)
    assert.deepEqual(await all('a.example'), [])
  })

  // Fault that turns it red: in `dkim-keys.ts` only the rows that are changed are read by their keys.
  it('stay what they are where another worker changes what that follows from', async (t) => {
    const { db, engine, keys, all, stages } = await withDomain()
    const [{ selector: _, ...row } = assert.fail()] = await all()
    const active = (stageSince: number): DkimKeyRow => ({ ...row, stage: 'active', stageSince })
    const signal = new AbortController().signal
    const step = () => keys.step('example.org', { look: () => false, signal })
    const other = new OtherWorker(t, { db, engine })
    const put = async (rows: Record<string, DkimKeyRow>): Promise<void> =>
      db.write([], async (tx) => {
        for (const [key] of await tx.list(dkimKeyTable, [])) tx.delete(dkimKeyTable, key)
        for (const [selector, one] of Object.entries(rows))
          tx.put(dkimKeyTable, ['example.org', selector], one)
      })
    await put({ old: active(row.stageSince), young: active(row.stageSince + 1) })
    other.comesBetween((there) =>
      there.write([], async (tx) => tx.delete(dkimKeyTable, ['example.org', 'young'])),
    )
    await step()
    assert.deepEqual(await stages(), { old: 'active' })
  })
})
