/**
 * Clients that keep mailboxes, threads and Emails up to date by /changes, of the owner and of a guest whose rights
 * come and go, also with a group, over random histories: what they keep is what /get says, and there is always an
 * answer. The guest is never told of anything that only the owner may see.
 *
 * Faults that were planted, each of which turns this red, some in 200 runs only: the log of shared mailboxes has
 * entries with `\\Deleted` as well, ends with the last grant, or does without what was in a mailbox that is destroyed
 * or the rights on it; the last event of a message decides instead of the first; the rights of today are taken for
 * those of then; nothing is told of mailboxes that begin or end to be readable, or of what left them since; children
 * keep a parent that is to be seen no more; a page goes on by how many were told instead of by number; states say
 * nothing of groups.
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
import { account, JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

const guest = 8 as AccountId
/** The guest comes into it and leaves it. */
const team = 20 as AccountId
const ann = 'ann@example.org'
/** So that a guest may come to see everything. */
const fewer = [2, 3, 4] as MailboxId[]

type Kind = 'Mailbox' | 'Thread' | 'Email'
/** Of Emails what can change, and their thread. */
const emailProperties = ['id', 'threadId', 'mailboxIds', 'keywords']

type Objects = Map<string, JsonObject>

/** What a client keeps of one type. */
class Kept {
  readonly #server: JmapTestServer
  readonly #type: Kind
  readonly as: string | undefined
  readonly #maxChanges: number
  #objects: Objects = new Map()
  #state: unknown
  /** All that /get ever had. */
  readonly #seen = new Set<string>()
  /** How often it was not told what had changed. */
  refused = 0

  constructor(server: JmapTestServer, type: Kind, as: string | undefined, maxChanges: number) {
    this.#server = server
    this.#type = type
    this.as = as
    this.#maxChanges = maxChanges
  }

  /** Only notes what can be seen now, unless the client is to look. */
  async check(looks: boolean): Promise<void> {
    const all = await this.#call('get', { ids: null })
    if (all === undefined) {
      this.#state = undefined
      return
    }
    const list = all['list'] as readonly JsonObject[]
    for (const one of list) this.#seen.add(one['id'] as string)
    if (!looks) return
    // A client that knows the state need not ask.
    if (all['state'] !== this.#state) await this.#follow()
    const sorted = (objects: Iterable<JsonObject>): readonly JsonObject[] =>
      [...objects].toSorted((a, b) => ((a['id'] as string) < (b['id'] as string) ? -1 : 1))
    assert.deepEqual(
      sorted(this.#objects.values()),
      sorted(list),
      `${this.#type} of ${this.as ?? 'the owner'}`,
    )
    assert.equal(this.#state, all['state'])
  }

  async #follow(): Promise<void> {
    for (let more = true, isFirst = true; more; isFirst = false) {
      const since = this.#state
      const told =
        since === undefined
          ? undefined
          : await this.#call('changes', { sinceState: since, maxChanges: this.#maxChanges })
      if (told === undefined) return this.#begin()
      const [created, updated, destroyed] = ['created', 'updated', 'destroyed'].map(
        (list) => told[list] as string[],
      )
      assert.ok(created!.length + updated!.length + destroyed!.length <= this.#maxChanges)
      // Told at once, all is exact: what the owner sees alone is not looked at so closely.
      if (this.as !== undefined && isFirst && told['hasMoreChanges'] === false) {
        for (const id of created!) assert.ok(!this.#objects.has(id), `${id} is not new`)
        for (const id of [...updated!, ...destroyed!]) assert.ok(this.#objects.has(id), `${id} is new`)
      }
      for (const id of destroyed!) {
        assert.ok(this.as === undefined || this.#seen.has(id), `${id} was never to be seen`)
        this.#objects.delete(id)
      }
      await this.#fetch([...created!, ...updated!])
      more = told['hasMoreChanges'] === true
      this.#state = told['newState']
    }
  }

  /** Of what is there no more the next changes tell. */
  async #fetch(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const found = (await this.#call('get', { ids }))!
    for (const one of found['list'] as readonly JsonObject[]) this.#objects.set(one['id'] as string, one)
    for (const id of found['notFound'] as readonly string[]) this.#objects.delete(id)
  }

  async #begin(): Promise<void> {
    const all = (await this.#call('get', { ids: null }))!
    this.#state = all['state']
    this.#objects = new Map((all['list'] as readonly JsonObject[]).map((one) => [one['id'] as string, one]))
  }

  /** undefined for an error. */
  async #call(verb: string, args: object): Promise<JsonObject | undefined> {
    const o = this.as === undefined ? {} : { as: this.as }
    const more = this.#type === 'Email' && verb === 'get' ? { properties: emailProperties } : {}
    const { answers } = await this.#server.request(
      [[`${this.#type}/${verb}`, { accountId: 'A7', ...args, ...more }, 'c']],
      o,
    )
    const [name, told] = answers[0]!
    if (name !== 'error') return told
    assert.ok(
      ['cannotCalculateChanges', 'accountNotFound'].includes(told['type'] as string),
      JSON.stringify(told),
    )
    if (told['type'] === 'cannotCalculateChanges') this.refused++
    return undefined
  }
}

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
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('share' as const),
      box: pick,
      to: fc.constantFrom(guest, guest, team),
      letters: fc.constantFrom('', 'l', 'lr', 'lr', 'lrs', 'r'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('subscribe' as const), box: pick, isSubscribed: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), box: pick }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), box: pick, how: pick }) },
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
        `Message-ID: <${count}@x>\nIn-Reply-To: <thread${one.ref % 4}@x>\nSubject: s\n\nx\n`,
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
        transfer(tx, place(box.id), uids(one.uids), place(to.id), { savedAt: 1 }),
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
      return server.share(box.id, one.to, one.letters)
    case 'subscribe': {
      const update = { [`F7_${box.id.toString(36)}`]: { isSubscribed: one.isSubscribed } }
      await server.request([['Mailbox/set', { accountId: 'A7', update }, 'c']], { as: ann })
      return
    }
    case 'set': {
      const id = `F${box.id.toString(36)}`
      const args = [
        { create: { k: { name: `box ${count}`, parentId: box.id === inboxId ? null : id } } },
        { update: { [id]: { sortOrder: count, isSubscribed: count % 2 === 0 } } },
        { update: { [id]: { role: count % 2 === 0 ? 'trash' : null } } },
        { destroy: [id], onDestroyRemoveEmails: true },
      ][one.how % 4]!
      await server.call('Mailbox/set', args)
    }
  }
}

test('RFC 8620 §5.2: mailboxes, threads and Emails kept by /changes are what /get says, for the owner and a guest', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 7 }),
      async (steps, most, between) => {
        const server = await JmapTestServer.start()
        await server.add(guest, ann)
        await server.add(team, 'team@example.org', { isGroup: true })
        for (const id of fewer) await server.db.write([account], (tx) => deleteMailbox(tx, account, id))
        const kept = [undefined, ann].flatMap((as) =>
          (['Mailbox', 'Thread', 'Email'] as const).map((type) => new Kept(server, type, as, most)),
        )
        for (const [i, one] of steps.entries()) {
          await apply(server, one, i)
          // Now and then several changes at once.
          for (const client of kept) await client.check(i % between === 0)
        }
        for (const client of kept) assert.equal(client.refused, 0)
      },
    ),
    { numRuns: 40 },
  )
})
