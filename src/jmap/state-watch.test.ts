import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AccountWatch } from '#account/account-watch.ts'
import { userAccess } from '#account/fixture.test.ts'
import { accountCache } from '#account/resolution.ts'
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { inboxId } from '#mail/mailbox.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from './fixture.test.ts'
import { pushStateOf, readPushState, type Told } from './push-state.ts'
import { type FollowOptions, type StateFollower, StateWatch } from './state-watch.ts'
import type { JsonObject } from './value.ts'

const letter = 'From: a@example.org\nSubject: one\n\nText.\n'
const never = new AbortController().signal

interface Watched extends Disposable {
  readonly server: JmapTestServer
  readonly accountWatch: AccountWatch
  follow(o?: Partial<FollowOptions>, id?: AccountId): Promise<StateFollower>
}

async function watched(): Promise<Watched> {
  const server = await JmapTestServer.start()
  // Without a heartbeat: what a hint does not lead to would come by it, a minute late.
  const accountWatch = new AccountWatch(server.bus, 2 ** 30)
  const watch = new StateWatch({ services: server.services, accountWatch })
  return {
    server,
    accountWatch,
    follow: (o = {}, id = account) =>
      watch.follow(userAccess(id, 'somebody@example.org'), { types: null, throttleMs: 0, ...o }),
    [Symbol.dispose]: () => accountWatch[Symbol.dispose](),
  }
}

const next = async (follower: StateFollower): Promise<Record<string, JsonObject>> =>
  (await follower.next(never)).change['changed'] as unknown as Record<string, JsonObject>

const pushStateFor = (w: Watched, id: AccountId): Promise<string> =>
  new StateWatch({ services: w.server.services, accountWatch: w.accountWatch }).pushState(
    userAccess(id, 'somebody@example.org'),
  )

const touch = (db: KvDb, type: 'Mailbox' | 'Identity' | 'Thread', of = account): Promise<void> =>
  db.write([of], async (tx) => tx.changed(of, type, 5, 'updated'))

describe('RFC 8620 §7.1: StateChange', () => {
  it('has for each account the states that /get would return, of the types that changed only', async () => {
    using w = await watched()
    using follower = await w.follow()
    const coming = follower.next(never)
    await w.server.deliver(letter)
    const { change } = await coming
    assert.equal(change['@type'], 'StateChange')
    const { state } = await w.server.call('Mailbox/get')
    assert.deepEqual(JSON.parse(JSON.stringify(change['changed'])), {
      [accountId]: { Email: state, Mailbox: state, Thread: state, EmailDelivery: state },
    })
  })

  it('RFC 9425 §6: has the state of quotas, where there are some and what they count changed', async () => {
    using w = await watched()
    w.server.limits = { bytes: 0, messages: 10, mailboxes: 0 }
    using follower = await w.follow({ types: new Set(['Quota', 'Identity']) })
    await touch(w.server.db, 'Mailbox')
    const coming = next(follower)
    await w.server.deliver(letter)
    const { state } = await w.server.call('Quota/get', { ids: [] })
    assert.deepEqual({ ...(await coming)[accountId] }, { Quota: state })
    const later = next(follower)
    await touch(w.server.db, 'Identity')
    assert.deepEqual(Object.keys((await later)[accountId]!), ['Identity'])
  })

  it('RFC 9425 §6: says nothing of what those hold who share something', async () => {
    using w = await watched()
    w.server.limits = { bytes: 0, messages: 10, mailboxes: 0 }
    const ann = await w.server.add(8, 'ann@example.org')
    await w.server.shareFollowed(inboxId, ann.id, 'lr')
    using guest = await w.follow({}, ann.id)
    const shared = next(guest)
    await w.server.deliver(letter)
    assert.deepEqual(Object.keys((await shared)[accountId]!).toSorted(), [
      'Email',
      'EmailDelivery',
      'Mailbox',
      'Thread',
    ])
  })

  it('does not tell types that nobody asked for, nor those that no method knows', async () => {
    using w = await watched()
    using follower = await w.follow({ types: new Set(['Identity', 'Subscription', 'Nothing']) })
    await w.server.deliver(letter)
    await w.server.db.write([account], async (tx) => tx.changed(account, 'Subscription', 0, 'updated'))
    const coming = next(follower)
    await touch(w.server.db, 'Identity')
    assert.deepEqual(Object.keys((await coming)[accountId]!), ['Identity'])
  })

  it('puts many changes into one', async () => {
    using w = await watched()
    using follower = await w.follow()
    for (let i = 0; i < 50; i++) await touch(w.server.db, i % 2 === 0 ? 'Identity' : 'Mailbox')
    const changed = await next(follower)
    const identity = Number.parseInt(changed[accountId]!['Identity'] as string, 36)
    const mailbox = Number.parseInt(changed[accountId]!['Mailbox'] as string, 36)
    assert.equal(mailbox - identity, 1)
    const coming = next(follower)
    await touch(w.server.db, 'Thread')
    assert.deepEqual(Object.keys((await coming)[accountId]!), ['Thread'])
  })

  it('has a look at once, and the next one after the throttle only', async () => {
    using w = await watched()
    using follower = await w.follow({ throttleMs: 3_600_000 })
    await touch(w.server.db, 'Identity')
    await next(follower)
    const ended = new AbortController()
    const held = follower.next(ended.signal)
    await touch(w.server.db, 'Thread')
    ended.abort()
    await assert.rejects(held, { name: 'AbortError' })
  })

  it('comes from other workers, and without a hint by the heartbeat', async () => {
    using w = await watched()
    const other = new LocalBus({ onError: (error) => assert.fail(String(error)) })
    const db = new KvDb(w.server.engine, other)
    using follower = await w.follow()
    const coming = next(follower)
    await touch(db, 'Thread')
    w.accountWatch.beat()
    assert.deepEqual(Object.keys((await coming)[accountId]!), ['Thread'])
  })

  it('reaches accounts that share something, also new ones, and no others', async () => {
    using w = await watched()
    const ann = await w.server.add(8, 'ann@example.org')
    await w.server.add(9, 'bob@example.org')
    using follower = await w.follow({}, ann.id)
    await w.server.shareFollowed(inboxId, ann.id, 'lr')
    w.accountWatch.beat()
    assert.deepEqual(Object.keys(await next(follower)), [accountId])
    const coming = next(follower)
    await w.server.deliver(letter, { to: 9 as AccountId })
    await w.server.deliver(letter)
    assert.deepEqual(Object.keys(await coming), [accountId])
    await w.server.shareFollowed(inboxId, ann.id, '')
    w.accountWatch.beat()
    await w.server.deliver(letter)
    const own = next(follower)
    await w.server.deliver(letter, { to: ann.id })
    assert.deepEqual(Object.keys(await own), ['A8'])
  })

  it('of thousands leaves others a turn, and is told to all', async () => {
    using w = await watched()
    const followers: StateFollower[] = []
    for (let i = 0; i < 500; i++) followers.push(await w.follow())
    let toldTo = 0
    const all = followers.map(async (follower) => {
      await next(follower)
      toldTo++
    })
    await touch(w.server.db, 'Thread')
    const perTurn: number[] = []
    for (let before = toldTo; toldTo < followers.length; before = toldTo) {
      await new Promise((resolve) => setImmediate(resolve))
      perTurn.push(toldTo - before)
    }
    await Promise.all(all)
    assert.ok(Math.max(...perTurn) <= 100, perTurn.join(' '))
    for (const follower of followers) follower[Symbol.dispose]()
  })

  it('goes on from what was told last, whatever happened in between', async () => {
    using w = await watched()
    using first = await w.follow()
    await touch(w.server.db, 'Thread')
    const { pushState } = await first.next(never)
    await touch(w.server.db, 'Identity')
    using second = await w.follow({ since: pushState })
    assert.deepEqual(Object.keys((await next(second))[accountId]!), ['Identity'])
    using third = await w.follow({ since: 'never given out' })
    const all = Object.keys((await next(third))[accountId]!)
    assert.ok(all.includes('Thread') && all.includes('Email') && all.includes('Mailbox'))
    assert.ok(!all.includes('Subscription'))
    // Of a store that went further before it was set back: nothing is known of what the client knows.
    const ahead = `${accountId}-zzzz_${pushState.split('_')[1]}`
    using fourth = await w.follow({ since: ahead })
    assert.deepEqual(Object.keys((await next(fourth))[accountId]!), all)
  })

  // Turns red where accounts are watched once they were read.
  it('misses nothing that changes while it is read what there is', async (t) => {
    using w = await watched()
    const read = w.server.db.read.bind(w.server.db)
    const mock = t.mock.method(w.server.db, 'read', async (body: Parameters<typeof read>[0]) => {
      const found = await read(body)
      await touch(w.server.db, 'Thread')
      return found
    })
    using follower = await w.follow()
    mock.mock.restore()
    assert.deepEqual(Object.keys((await next(follower))[accountId]!), ['Thread'])
  })

  it('RFC 9670 §1.4: tells at once of an account that becomes visible where something is subscribed to', async () => {
    using w = await watched()
    const ann = await w.server.add(8, 'ann@example.org')
    await w.server.shareFollowed(inboxId, ann.id, '')
    using follower = await w.follow({}, ann.id)
    const coming = next(follower)
    await w.server.share(inboxId, ann.id, 'lr')
    assert.ok(Object.keys((await coming)[accountId]!).includes('Mailbox'))
  })

  it('RFC 8620 §5.1: has other states of what others share, where the user comes into a group or leaves it', async () => {
    using w = await watched()
    const ann = await w.server.add(8, 'ann@example.org')
    const team = await w.server.add(20, 'team@example.org', { isGroup: true })
    await w.server.shareFollowed(inboxId, ann.id, 'lr')
    await w.server.share(6 as MailboxId, team.id, 'lr')
    const stateOf = async (): Promise<unknown> =>
      (await w.server.call('Mailbox/get', { ids: [] }, { as: ann.name }))['state']
    const [since, pushState] = [await stateOf(), await pushStateFor(w, ann.id)]
    using follower = await w.follow({}, ann.id)
    for (const groups of [[team.id], []]) {
      const before = await stateOf()
      ann.groups = groups
      const coming = next(follower)
      follower.access = userAccess(ann.id, ann.name)
      const told = (await coming)[accountId]!
      assert.equal(told['Mailbox'], await stateOf())
      assert.notEqual(told['Mailbox'], before)
      if (groups.length === 0) continue
      using later = await w.follow({ since: pushState }, ann.id)
      assert.ok(accountId in (await next(later)))
    }
    assert.equal(await stateOf(), since)
  })

  it('looks at what others share when anything about accounts changes', async () => {
    using w = await watched()
    const ann = await w.server.add(8, 'ann@example.org')
    const team = await w.server.add(20, 'team@example.org', { isGroup: true })
    await w.server.shareFollowed(inboxId, ann.id, 'lr')
    using follower = await w.follow({}, ann.id)
    const coming = next(follower)
    ann.groups = [team.id]
    w.server.bus.publish({ kind: 'forget', cache: accountCache, key: String(ann.id) })
    assert.ok(accountId in (await coming))
  })

  it('tries again when the store cannot be read, and ends with the signal', async (t) => {
    using w = await watched()
    using follower = await w.follow()
    t.mock.method(w.server.db, 'read', () => Promise.reject(new Error('no store')), { times: 1 })
    await touch(w.server.db, 'Thread')
    const ended = new AbortController()
    const held = follower.next(ended.signal)
    ended.abort()
    await assert.rejects(held, { name: 'AbortError' })
    assert.deepEqual(Object.keys((await next(follower))[accountId]!), ['Thread'])
  })
})

describe('push states', () => {
  const told = (count: number): Told => ({
    asker: '0123456789abcdef',
    upTo: new Map(Array.from({ length: count }, (_, i) => [(i + 1) as AccountId, (i * 1e6) as Modseq])),
  })

  it('come back as they were given out, the own account in any case', () => {
    assert.deepEqual(readPushState(pushStateOf(told(20))), told(20))
    const { upTo: many } = readPushState(pushStateOf(told(10_000)))
    assert.ok(many.size > 100 && many.size < 10_000)
    assert.equal(many.get(1 as AccountId), 0)
  })

  for (const text of ['', 'A7', 'A7-', 'A7-1-2', 'B7-1', 'A7-1.', 'A7-01', 'A7-1.x', 'x'.repeat(1e6)])
    it(`of somebody else say nothing: ${text.slice(0, 20)}`, () =>
      assert.equal(readPushState(text).upTo.size, 0))
})
