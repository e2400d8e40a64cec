/**
 * Clients that keep mailboxes, threads, Emails and results of queries up to date by /changes and /queryChanges, of the
 * owner and of a guest whose rights come and go, by SETACL and by `shareWith`, also with a group, over random histories:
 * what they keep is what /get and /query say, and there is always an answer. The guest is never told of anything that
 * only the owner may see.
 *
 * Faults that were planted, each of which turns this red: the log of shared mailboxes has entries with `\\Deleted` as
 * well, ends with the last grant, or does without what was in a mailbox that is destroyed or the rights on it; the last
 * event of a message decides instead of the first; the rights of today, or the groups, are taken for those of then, by
 * /changes or by /queryChanges; nothing is told of mailboxes that begin or end to be readable, or only where grants
 * changed and not groups; children keep a parent that is to be seen no more; rights that came with a group are not
 * told, nor what is unread once everything may be read; a page is shorter than it says, or is told to who the guest
 * has become meanwhile; states say nothing of groups, or groups are not noted; what nobody could see is removed from
 * results; a change of 0 is told as an Email. Red in some runs only: what left a mailbox between two pages is forgotten.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AccountId, MailboxId, Uid } from '#base/id.ts'
import { copyMessages, moveMessages } from '#mail/copy.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import { deleteMailbox, inboxId, listMailboxes } from '#mail/mailbox.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { rightsOf } from '#mail/rights.ts'
import { changeGrant } from '#mail/share.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { JmapTestServer } from './fixture.test.ts'
import { KeptObjects, KeptResults, type Query, Watcher } from './sync-client.test.ts'

const guest = 8 as AccountId
/** The guest comes into it and leaves it. */
const team = 20 as AccountId
const ann = 'ann@example.org'
/** So that a guest may come to see everything. */
const fewer = [2, 3, 4, 5] as MailboxId[]

/** Of each kind: what columns answer, what is of threads, and what only a search finds. */
const queries: readonly Query[] = [
  ['Email', { sort: [{ property: 'receivedAt' }] }],
  [
    'Email',
    {
      filter: { operator: 'NOT', conditions: [{ hasKeyword: '$draft' }] },
      sort: [{ property: 'someInThreadHaveKeyword', keyword: '$seen' }, { property: 'receivedAt' }],
      collapseThreads: true,
    },
  ],
  ['Email', { filter: { subject: 'tea' } }],
  ['Email', { filter: { subject: 'tea', inMailboxOtherThan: ['F1', 'F7_1'] }, collapseThreads: true }],
  ['Mailbox', { sort: [{ property: 'sortOrder' }], sortAsTree: true }],
  ['Mailbox', { filter: { isSubscribed: true }, filterAsTree: true }],
]

const pick = fc.nat({ max: 1000 })
const some = fc.array(pick, { minLength: 1, maxLength: 4 })
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), box: pick, ref: pick, seen: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('store' as const),
      box: pick,
      uids: some,
      word: pick,
      add: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('copy' as const),
      box: pick,
      to: pick,
      uids: some,
      move: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('expunge' as const), box: pick, uids: some }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('share' as const),
      box: pick,
      to: fc.constantFrom(guest, guest, team),
      letters: fc.constantFrom('', 'l', 'lr', 'lr', 'lrs', 'r'),
      how: fc.constantFrom('acl', 'acl', 'acl', 'shareWith', 'shareWith', 'shareWith', 'deny', 'permit'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('subscribe' as const), box: pick, isSubscribed: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), box: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create' as const), box: pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('destroy' as const), box: pick, byImap: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('change' as const), box: pick, how: fc.boolean() }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function apply(server: JmapTestServer, one: Step, count: number): Promise<void> {
  const { db } = server
  const all: readonly Mailbox[] = await db.read((tx) => listMailboxes(tx, account))
  const box = all[one.box % all.length]!
  const uids = (numbers: readonly number[]): Uid[] =>
    [...new Set(numbers.map((n) => 1 + (n % box.uidNext)))].toSorted((a, b) => a - b) as Uid[]
  const place = (mailbox: MailboxId) => ({ account, mailbox })
  switch (one.do) {
    case 'deliver':
      await server.deliver(
        `Message-ID: <${count}@x>\nIn-Reply-To: <thread${one.ref % 4}@x>\nSubject: ${['tea', 'coffee'][count % 2]}\n\nx\n`,
        { mailbox: box.id, keywords: one.seen ? ['$seen'] : [], receivedAt: one.ref * 1000 },
      )
      return
    case 'store': {
      const word = ['$seen', '$draft', '$flagged', undefined][one.word % 4]
      const change = {
        how: one.add ? 'add' : 'remove',
        keywords: word === undefined ? [] : [word],
        deleted: word === undefined,
      } as const
      await db.write([account], (tx) => storeFlags(tx, account, box.id, uids(one.uids), change))
      return
    }
    case 'copy': {
      const to = all[one.to % all.length]!
      const transfer = one.move ? moveMessages : copyMessages
      await db.write([account], (tx) =>
        transfer(tx, { from: place(box.id), uids: uids(one.uids), to: place(to.id) }, { savedAt: 1 }),
      )
      return
    }
    case 'expunge':
      await db.write([account], (tx) =>
        expungeMessages(tx, account, box.id, uids(one.uids), { onlyDeleted: false }),
      )
      return
    case 'join': {
      const person = server.people.find(({ id }) => id === guest)!
      person.groups = person.groups.length === 0 ? [team] : []
      return
    }
    case 'share':
      return share(server, box.id, one)
    case 'subscribe': {
      const update = { [`F7_${box.id.toString(36)}`]: { isSubscribed: one.isSubscribed } }
      await server.request([['Mailbox/set', { accountId: 'A7', update }, 'c']], { as: ann })
      return
    }
    case 'create': {
      const parentId = box.id === inboxId ? null : `F${box.id.toString(36)}`
      await server.call('Mailbox/set', { create: { k: { name: `box ${count}`, parentId } } })
      return
    }
    case 'destroy':
      if (one.byImap) {
        const isKept = box.id === inboxId || all.some(({ parent }) => parent === box.id)
        if (!isKept) await db.write([account], (tx) => deleteMailbox(tx, account, box.id))
        return
      }
      await server.call('Mailbox/set', { destroy: [`F${box.id.toString(36)}`], onDestroyRemoveEmails: true })
      return
    case 'change': {
      const isEven = count % 2 === 0
      const change = one.how ? { sortOrder: count, isSubscribed: isEven } : { role: isEven ? 'trash' : null }
      await server.call('Mailbox/set', { update: { [`F${box.id.toString(36)}`]: change } })
    }
  }
}

/** As SETACL and Mailbox/set do it. */
async function share(
  server: JmapTestServer,
  box: MailboxId,
  { to, letters, how }: Extract<Step, { readonly do: 'share' }>,
): Promise<void> {
  if (how !== 'shareWith') {
    const kind = how === 'acl' ? 'granted' : 'denied'
    const change = { kind, how: 'set', rights: rightsOf(how === 'permit' ? '' : letters) } as const
    return server.db.write([account], (tx) =>
      changeGrant(tx, { account, mailbox: box }, { ...change, grantee: to }, { maxShares: 99 }),
    )
  }
  const rights = { mayReadItems: letters.includes('lr'), maySetSeen: letters.includes('s') }
  const update = { [`F${box.toString(36)}`]: { shareWith: { [`P${to.toString(36)}`]: rights } } }
  const told = await server.call('Mailbox/set', { update })
  assert.equal(told['notUpdated'], null)
}

test('RFC 8620 §5.2, §5.6: what is kept by /changes and /queryChanges is what /get and /query say, for the owner and a guest', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, most, between) => {
        const server = await JmapTestServer.start()
        await server.add(guest, ann)
        await server.add(team, 'team@example.org', { isGroup: true })
        for (const id of fewer) await server.db.write([account], (tx) => deleteMailbox(tx, account, id))
        await server.share(inboxId, guest, 'lr')
        const watchers = [undefined, ann].map((as) => {
          const of = new Watcher(server, as)
          const types = ['Mailbox', 'Thread', 'Email'] as const
          const objects = types.map((type) => new KeptObjects(of, type, most))
          return { of, objects, results: new KeptResults(of, queries) }
        })
        let looks = 0
        for (const [i, one] of steps.entries()) {
          await apply(server, one, i)
          if (i % between === 0) looks++
          for (const { of, objects, results } of watchers) {
            await of.look()
            // Now and then several changes at once, and more pages than a client has the patience for.
            if (of.now === undefined || i % between !== 0) continue
            const patience = looks % 2 === 0 ? 1 : Number.POSITIVE_INFINITY
            for (const client of objects) await client.check(patience)
            await results.check()
          }
        }
      },
    ),
    { numRuns: 30, endOnFailure: true },
  )
})
