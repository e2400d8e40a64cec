import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId, MessageId, Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import { deleteMailbox, inboxId, listMailboxes } from '#mail/mailbox.ts'
import { emailObjectId, mailboxObjectId } from '#mail/object-id.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

type Delivered = Awaited<ReturnType<JmapTestServer['deliver']>>

const archive = 6 as MailboxId
const letter = 'Subject: x\n\nx\n'
const id = (number: MessageId, prefix = ''): string => emailObjectId(number, prefix)

const stateOf = async (server: JmapTestServer, as?: string): Promise<string> =>
  (await server.call('Email/get', { ids: [] }, as === undefined ? {} : { as }))['state'] as string

async function changes(
  server: JmapTestServer,
  sinceState: string,
  o: { readonly as?: string; readonly maxChanges?: number } = {},
): Promise<JsonObject> {
  const { as, ...args } = o
  return server.call('Email/changes', { sinceState, ...args }, as === undefined ? {} : { as })
}

const lists = ({ created, updated, destroyed }: JsonObject): unknown => ({ created, updated, destroyed })

const mark = (server: JmapTestServer, uid: Uid, deleted: boolean, mailbox = inboxId): Promise<unknown> =>
  server.db.write([account], (tx) =>
    storeFlags(tx, account, mailbox, [uid], { how: deleted ? 'add' : 'remove', keywords: [], deleted: true }),
  )

test('RFC 8621 §4.3: what was created, updated and destroyed', async () => {
  const server = await JmapTestServer.start()
  const one = await server.deliver(letter)
  const two = await server.deliver(letter)
  const state = await stateOf(server)
  assert.deepEqual(lists(await changes(server, state)), { created: [], updated: [], destroyed: [] })
  const three = await server.deliver(letter)
  const passing = await server.deliver(letter)
  await server.call('Email/set', {
    update: { [id(one.id)]: { 'keywords/a': true } },
    destroy: [id(two.id), id(passing.id)],
  })
  const found = await changes(server, state)
  assert.deepEqual(lists(found), { created: [id(three.id)], updated: [id(one.id)], destroyed: [id(two.id)] })
  assert.deepEqual(
    [found['oldState'], found['newState'], found['hasMoreChanges']],
    [state, await stateOf(server), false],
  )
})

test('RFC 8620 §5.2: a few at a time, until all are told', async () => {
  const server = await JmapTestServer.start()
  const state = await stateOf(server)
  const delivered: string[] = []
  for (let i = 0; i < 5; i++) delivered.push(id((await server.deliver(letter)).id))
  const told: string[] = []
  for (let since = state, more = true; more;) {
    const page = await changes(server, since, { maxChanges: 2 })
    assert.ok((page['created'] as string[]).length <= 2)
    told.push(...(page['created'] as string[]))
    since = page['newState'] as string
    more = page['hasMoreChanges'] as boolean
  }
  assert.deepEqual(told, delivered)
  for (const sinceState of ['nonsense!', 'zzzzz'])
    assert.equal(await server.error('Email/changes', { sinceState }), 'cannotCalculateChanges')
  assert.equal(await server.error('Email/changes', { sinceState: state, maxChanges: 0 }), 'invalidArguments')
})

test('RFC 8621 §4.1.1: what is marked as \\Deleted is destroyed for clients', async () => {
  const server = await JmapTestServer.start()
  const one = await server.deliver(letter)
  const state = await stateOf(server)
  await mark(server, one.uid, true)
  const hidden = await server.deliver(letter, { deleted: true })
  assert.deepEqual(lists(await changes(server, state)), { created: [], updated: [], destroyed: [id(one.id)] })
  await mark(server, one.uid, false)
  assert.deepEqual(lists(await changes(server, state)), { created: [], updated: [id(one.id)], destroyed: [] })
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [one.uid, hidden.uid], { onlyDeleted: false }),
  )
  assert.deepEqual(lists(await changes(server, state)), { created: [], updated: [], destroyed: [id(one.id)] })
})

test('RFC 8621 §2: of a shared account, what is in the mailboxes that one may read', async () => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const prefix = `${account.toString(36)}_`
  await server.share(archive, guest.id, 'lr')
  const here = await server.deliver(letter, { mailbox: archive })
  const there = await server.deliver(letter)
  const state = await stateOf(server, guest.name)
  const fresh = await server.deliver(letter, { mailbox: archive })
  await server.deliver(letter)
  const as = guest.name
  assert.deepEqual(lists(await changes(server, state, { as })), {
    created: [id(fresh.id, prefix)],
    updated: [],
    destroyed: [],
  })
  await server.call('Email/set', { update: { [id(there.id)]: { 'keywords/a': true } } })
  const { created } = await changes(server, state, { as })
  assert.deepEqual(created, [id(fresh.id, prefix)])
  const into = { mailboxIds: { [mailboxObjectId(inboxId, '')]: true } }
  await server.call('Email/set', { update: { [id(here.id)]: into } })
  assert.ok(((await changes(server, state, { as }))['destroyed'] as string[]).includes(id(here.id, prefix)))
})

// Planted: what loses its \\Deleted is logged as any other change of flags.
test('RFC 8620 §5.2: what loses its \\Deleted is new to who never saw it; what is done to it before is nothing', async () => {
  const server = await JmapTestServer.start()
  const store = (uid: Uid, keyword: string): Promise<unknown> =>
    server.db.write([account], (tx) =>
      storeFlags(tx, account, inboxId, [uid], { how: 'add', keywords: [keyword], deleted: false }),
    )
  const start = await stateOf(server)
  const hidden = await server.deliver(letter, { deleted: true })
  const known = await server.deliver(letter)
  const visible = await stateOf(server)
  await mark(server, known.uid, true)
  const unseen = await stateOf(server)
  for (const { uid } of [hidden, known]) await store(uid, 'a')
  const nothing = { created: [], updated: [], destroyed: [] }
  assert.deepEqual(lists(await changes(server, unseen)), nothing)
  const gone = { ...nothing, destroyed: [id(known.id)] }
  assert.deepEqual(lists(await changes(server, visible)), gone)
  for (const { uid } of [hidden, known]) await mark(server, uid, false)
  const both = { ...nothing, created: [id(hidden.id), id(known.id)] }
  for (const state of [start, unseen]) assert.deepEqual(lists(await changes(server, state)), both)
  assert.deepEqual(lists(await changes(server, visible)), {
    ...nothing,
    created: [id(hidden.id)],
    updated: [id(known.id)],
  })
})

// Planted, each red: what is restored is logged as created; a few at a time, the log is not looked at as a whole.
test('RFC 8620 §5.2: a few at a time, nothing is created after it was destroyed or updated, nor destroyed before', async () => {
  const server = await JmapTestServer.start()
  const messages = [await server.deliver(letter), await server.deliver(letter), await server.deliver(letter)]
  const [back, away, passing] = messages as [Delivered, Delivered, Delivered]
  const state = await stateOf(server)
  const markEach = async (deleted: boolean, ...some: readonly Delivered[]): Promise<void> => {
    for (const { uid } of some) await mark(server, uid, deleted)
  }
  await markEach(true, back, away, passing)
  const between = await stateOf(server)
  await server.deliver(letter)
  await markEach(false, back, passing, away)
  await markEach(true, away)
  await server.deliver(letter)
  for (const type of ['Email', 'Thread'])
    for (const [from, known] of [
      [state, messages],
      [between, []],
    ] as const) {
      const told = new Map<string, string[]>()
      for (let since = from, more = true; more;) {
        const page = await server.call(`${type}/changes`, { sinceState: since, maxChanges: 1 })
        for (const how of ['created', 'updated', 'destroyed'])
          (page[how] as string[]).forEach((one) => told.set(one, [...(told.get(one) ?? []), how]))
        since = page['newState'] as string
        more = page['hasMoreChanges'] as boolean
      }
      const idOf = ({ id: number }: Delivered): string =>
        id(number).replace(/^M/, type === 'Email' ? 'M' : 'T')
      const isKnown = known.length > 0
      const again = [isKnown ? 'updated' : 'created']
      assert.deepEqual(
        [back, passing, away].map((one) => told.get(idOf(one))),
        [again, again, isKnown ? ['destroyed'] : undefined],
        `${type} ${from}`,
      )
    }
})

// Planted: who reads all mailboxes is told what the change log says.
test('RFC 8621 §4.1.1: to a guest who reads all there is, what loses its \\Deleted is new, and gone unseen is nothing', async () => {
  const server = await JmapTestServer.start()
  const ann = await server.add(8, 'ann@example.org')
  for (const { id: box } of await server.db.read((tx) => listMailboxes(tx, account)))
    if (box === inboxId) await server.shareFollowed(box, ann.id, 'lr')
    else await server.db.write([account], (tx) => deleteMailbox(tx, account, box))
  const [back, gone] = [await server.deliver(letter), await server.deliver(letter)]
  for (const { uid } of [back, gone]) await mark(server, uid, true)
  const state = await stateOf(server, ann.name)
  await mark(server, back.uid, false)
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [gone.uid], { onlyDeleted: false }),
  )
  assert.deepEqual(lists(await changes(server, state, { as: ann.name })), {
    created: [id(back.id, '7_')],
    updated: [],
    destroyed: [],
  })
})

test('RFC 8620 §5.2: what begins or ends to be readable is created or destroyed for who may read it', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id: guest } = await server.add(9, 'guest@example.org')
  const idOf = (number: MessageId): string => id(number, `${account.toString(36)}_`)
  const since = async (state: string): Promise<unknown> => lists(await changes(server, state, { as }))
  await server.share(archive, guest, 'lr')
  const [here, there] = [await server.deliver(letter, { mailbox: archive }), await server.deliver(letter)]
  const hidden = await server.deliver(letter, { deleted: true })
  const state = await stateOf(server, as)
  await server.share(inboxId, guest, 'lr')
  assert.deepEqual(await since(state), { created: [idOf(there.id)], updated: [], destroyed: [] })
  const both = await stateOf(server, as)
  await server.share(archive, guest, 'l')
  // It is moved where it cannot be seen, and nothing else of that may be.
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, archive, [here.uid], { onlyDeleted: false }),
  )
  await server.deliver(letter, { mailbox: archive })
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [hidden.uid], { onlyDeleted: false }),
  )
  assert.deepEqual(await since(both), { created: [], updated: [], destroyed: [idOf(here.id)] })
  assert.deepEqual(await since(state), {
    created: [idOf(there.id)],
    updated: [],
    destroyed: [idOf(here.id)],
  })
})

test('RFC 8620 §5.2: more than is told at once became readable, and is told in parts', async () => {
  const server = await JmapTestServer.start({ changesMaxResults: 2 })
  const { name: as, id: guest } = await server.add(9, 'guest@example.org')
  await server.share(archive, guest, 'lr')
  const letters = []
  for (let i = 0; i < 5; i++) letters.push(await server.deliver(letter))
  const ids = letters.map((one) => id(one.id, `${account.toString(36)}_`))
  const parts = async (state: string): Promise<JsonObject[]> => {
    const told = [await changes(server, state, { as })]
    while (told.at(-1)!['hasMoreChanges'] === true)
      told.push(await changes(server, told.at(-1)!['newState'] as string, { as }))
    assert.equal(told.at(-1)!['newState'], await stateOf(server, as))
    return told
  }
  const before = await stateOf(server, as)
  await server.share(inboxId, guest, 'lr')
  const came = await parts(before)
  assert.deepEqual(
    came.map((one) => one['created']),
    [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)],
  )
  const threads = await server.call('Thread/changes', { sinceState: before }, { as })
  assert.deepEqual([(threads['created'] as string[]).length, threads['hasMoreChanges']], [2, true])
  const both = await stateOf(server, as)
  await server.share(inboxId, guest, 'l')
  assert.deepEqual(
    (await parts(both)).map((one) => one['destroyed']),
    [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)],
  )
})

test('RFC 8620 §5.2: who comes into a group or leaves it is told exactly what they see more or less', async () => {
  const server = await JmapTestServer.start()
  const team = await server.add(20, 'team@example.org', { isGroup: true })
  const guest = await server.add(9, 'guest@example.org')
  const as = guest.name
  const idOf = (number: MessageId): string => id(number, `${account.toString(36)}_`)
  await server.share(archive, guest.id, 'lr')
  await server.share(inboxId, team.id, 'lr')
  const mine = await server.deliver(letter, { mailbox: archive })
  const [first, second, third] = [
    await server.deliver(letter),
    await server.deliver(letter),
    await server.deliver(letter),
  ]
  const alone = await stateOf(server, as)
  guest.groups = [team.id]
  const all = [first.id, second.id, third.id].map(idOf)
  const came = await changes(server, alone, { as })
  assert.deepEqual(lists(came), { created: all, updated: [], destroyed: [] })
  assert.equal(came['newState'], await stateOf(server, as))
  const member = came['newState']
  // It ends while the pages of it are asked for: what they tell of goes on, and then it ends.
  const page = await changes(server, alone, { as, maxChanges: 2 })
  assert.deepEqual([page['hasMoreChanges'], page['created']], [true, all.slice(0, 2)])
  guest.groups = []
  const rest = await changes(server, page['newState'] as string, { as, maxChanges: 2 })
  assert.deepEqual([rest['hasMoreChanges'], rest['created']], [true, all.slice(2)])
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [first.uid], { onlyDeleted: false }),
  )
  await server.deliver(letter)
  for (const since of [rest['newState'], member] as string[]) {
    const left = await changes(server, since, { as })
    assert.deepEqual(lists(left), { created: [], updated: [], destroyed: all })
    assert.equal(left['newState'], await stateOf(server, as))
  }
  await mark(server, mine.uid, true, archive)
  const none = await changes(server, alone, { as })
  assert.deepEqual(lists(none), { created: [], updated: [], destroyed: [idOf(mine.id)] })
})

test('RFC 8620 §5.2: a state of who somebody never was is not known', async () => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const other = await server.add(8, 'other@example.org', { groups: [20 as AccountId] })
  for (const { id: grantee } of [guest, other]) await server.share(inboxId, grantee, 'lr')
  const [mine, others] = [await stateOf(server, guest.name), await stateOf(server, other.name)]
  const [number, asker] = mine.split('_') as [string, string]
  const askers = others.split('_')[1]!
  const wrong = [
    others,
    number,
    `${number}_`,
    `${number}_${asker}_${asker}`,
    `${number}-${number}-1_${asker}`,
  ]
  wrong.push(`${number}-${number}-1_${asker}_${askers}`, `${number}-${number}_${asker}_${asker}`)
  for (const sinceState of wrong)
    assert.equal(await server.error('Email/changes', { sinceState }, guest.name), 'cannotCalculateChanges')
})

test('RFC 8620 §5.2: members whom a group keeps from a mailbox are told what left the others', async () => {
  const server = await JmapTestServer.start()
  const team = await server.add(20, 'team@example.org', { isGroup: true })
  const member = await server.add(9, 'member@example.org', { groups: [team.id] })
  const accountId = 'Ak'
  const [inbox, hidden] = [inboxId, archive]
  await server.share(hidden, team.id, '', team.id)
  const ask = (name: string, args: object): Promise<JsonObject> =>
    server.call(name, { accountId, ...args }, { as: member.name })
  const deliver = (mailbox: MailboxId): Promise<{ id: MessageId; uid: Uid }> =>
    server.deliver(letter, { to: team.id, mailbox })
  await ask('Mailbox/set', { create: { n: { name: 'new' } } })
  const fresh = 7 as MailboxId
  const places = [inbox, fresh, hidden]
  const letters = [await deliver(inbox), await deliver(fresh), await deliver(hidden)]
  const { state } = await ask('Email/get', { ids: [] })
  for (const [i, { uid }] of letters.entries())
    await server.db.write([team.id], (tx) =>
      expungeMessages(tx, team.id, places[i]!, [uid], { onlyDeleted: false }),
    )
  const gone = letters.slice(0, 2).map((one) => id(one.id, 'k_'))
  const told = await ask('Email/changes', { sinceState: state })
  assert.deepEqual(lists(told), { created: [], updated: [], destroyed: gone })
})

test('RFC 8620 §5.2: what is told in parts is whole, also where rights come back and mail goes in between', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id: guest } = await server.add(9, 'guest@example.org')
  await server.share(archive, guest, 'lr')
  await server.share(inboxId, guest, 'lr')
  const letters: { readonly id: MessageId; readonly uid: Uid }[] = []
  for (let i = 0; i < 3; i++) letters.push(await server.deliver(letter))
  const ids = letters.map((one) => id(one.id, `${account.toString(36)}_`))
  const kept = new Set(ids)
  const state = await stateOf(server, as)
  await server.share(inboxId, guest, 'l')
  let told = await changes(server, state, { as, maxChanges: 1 })
  assert.deepEqual([told['destroyed'], told['hasMoreChanges']], [[ids[0]], true])
  await server.share(inboxId, guest, 'lr')
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [letters[2]!.uid], { onlyDeleted: false }),
  )
  for (;;) {
    for (const one of told['destroyed'] as string[]) kept.delete(one)
    for (const one of told['created'] as string[]) kept.add(one)
    if (told['hasMoreChanges'] !== true) break
    told = await changes(server, told['newState'] as string, { as, maxChanges: 1 })
  }
  assert.deepEqual([...kept].toSorted(), ids.slice(0, 2))
})
