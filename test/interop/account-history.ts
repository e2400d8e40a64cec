/**
 * What JMAP told at some moments, and whether /changes and /queryChanges lead from any of them to what it tells now
 * (RFC 8620 §5.2, §5.6): nothing left out, nothing said of what is still the same to be gone, no page without an end.
 */
import assert from 'node:assert/strict'
import type { Random } from '../harness/random.ts'
import type { JmapConnection, Json, MethodCall } from './jmap-request.ts'

const types = ['Mailbox', 'Email', 'Thread'] as const
type Type = (typeof types)[number]

/** Properties of an Email that can change. */
const emailProperties = ['mailboxIds', 'keywords']
const countNames = new Set(['totalEmails', 'unreadEmails', 'totalThreads', 'unreadThreads'])

type Objects = ReadonlyMap<string, Json>

interface Kept {
  readonly state: string
  readonly objects: Objects
}

interface KeptQuery {
  readonly args: Json
  readonly queryState: string
  readonly ids: readonly string[]
}

interface Moment {
  readonly objects: Readonly<Record<Type, Kept>>
  readonly queries: readonly KeptQuery[]
}

/** Queries by what can change and by what cannot, with threads and without. `mailboxes`: two that are always there. */
export const queriesOf = ([first, second]: readonly string[]): readonly Json[] => [
  { filter: null, sort: [{ property: 'receivedAt', isAscending: false }] },
  { filter: { inMailbox: first }, sort: [{ property: 'receivedAt', isAscending: false }] },
  {
    filter: { inMailbox: first },
    sort: [{ property: 'subject' }, { property: 'size' }],
    collapseThreads: true,
  },
  { filter: { inMailboxOtherThan: [first, second] }, sort: [{ property: 'size' }] },
  { filter: { notKeyword: '$seen' }, sort: [{ property: 'hasKeyword', keyword: '$flagged' }] },
  {
    filter: {
      operator: 'OR',
      conditions: [{ someInThreadHaveKeyword: '$flagged' }, { inMailbox: second }],
    },
    sort: [{ property: 'receivedAt' }],
    collapseThreads: true,
  },
]

export class AccountHistory {
  readonly #client: JmapConnection
  readonly #queries: readonly Json[]
  readonly #moments: Moment[] = []

  constructor(client: JmapConnection, queries: readonly Json[]) {
    this.#client = client
    this.#queries = queries
  }

  get length(): number {
    return this.#moments.length
  }

  async keep(): Promise<void> {
    this.#moments.push(await this.#read())
  }

  /** From that many of the moments, chosen by chance, to now. */
  async check(random: Random, most: number): Promise<void> {
    const now = await this.#read()
    for (const moment of random.some(this.#moments, most)) {
      for (const type of types)
        await this.#checkChanges(type, moment.objects[type], now.objects[type], random)
      for (const [i, query] of moment.queries.entries())
        await this.#checkQueryChanges(query, now.queries[i]!, random)
    }
  }

  async #read(): Promise<Moment> {
    const ref = (resultOf: string, name: string, path: string): Json => ({ resultOf, name, path })
    const calls: readonly MethodCall[] = [
      ['Mailbox/get', { ids: null }],
      ['Email/query', { limit: 500 }],
      ['Email/get', { '#ids': ref('c1', 'Email/query', '/ids'), properties: emailProperties }],
      ['Email/get', { '#ids': ref('c1', 'Email/query', '/ids'), properties: ['threadId'] }],
      ['Thread/get', { '#ids': ref('c3', 'Email/get', '/list/*/threadId') }],
      ...this.#queries.map((args): MethodCall => ['Email/query', args]),
    ]
    const [mailboxes, , emails, , threads, ...found] = await this.#client.ask(...calls)
    return {
      objects: { Mailbox: keptOf(mailboxes!), Email: keptOf(emails!), Thread: keptOf(threads!) },
      queries: found.map((answer, i) => {
        assert.equal(answer['canCalculateChanges'], true)
        const { queryState, ids } = answer as { queryState: string; ids: readonly string[] }
        return { args: this.#queries[i]!, queryState, ids }
      }),
    }
  }

  async #checkChanges(type: Type, before: Kept, now: Kept, random: Random): Promise<void> {
    const maxChanges = random.chance(0.5) ? null : 1 + random.below(7)
    const told = { created: new Set<string>(), updated: new Set<string>(), destroyed: new Set<string>() }
    let properties: ReadonlySet<string> | null = new Set()
    let state = before.state
    for (let pages = 0; ; pages++) {
      assert.ok(pages < 1000, `${type}/changes has no end`)
      const [answer] = await this.#client.ask([`${type}/changes`, { sinceState: state, maxChanges }])
      const page = answer as unknown as Page
      assert.equal(page.oldState, state)
      const count = page.created.length + page.updated.length + page.destroyed.length
      assert.ok(maxChanges === null || count <= maxChanges, `${count} of ${maxChanges}`)
      // What is told of twice is told as it was the last time.
      for (const id of page.created) {
        // It went and came back, each on a page of its own.
        if (told.destroyed.delete(id)) told.updated.add(id)
        else told.created.add(id)
      }
      for (const id of page.updated) told.updated.add(id)
      for (const id of page.destroyed) {
        if (!told.created.delete(id)) told.destroyed.add(id)
        told.updated.delete(id)
      }
      const some = page.updatedProperties ?? null
      properties = some === null || properties === null ? null : new Set([...properties, ...some])
      state = page.newState
      if (!page.hasMoreChanges) break
    }
    const context = `${type}/changes since ${before.state}, ${maxChanges ?? 'all'} at once`
    assert.equal(state, now.state, context)
    for (const id of now.objects.keys()) {
      if (before.objects.has(id)) assert.ok(!told.created.has(id), `${context}: ${id} is not new`)
      else assert.ok(told.created.has(id), `${context}: ${id} is new`)
    }
    const destroyed = [...before.objects.keys()].filter((id) => !now.objects.has(id))
    // What came and went in between may be told of as gone (RFC 8620 §5.2), and so may what nobody saw: an entry with
    // \Deleted that is expunged.
    const gone = told.destroyed.intersection(before.objects)
    assert.deepEqual(sorted(gone), destroyed.toSorted(), `${context}: destroyed`)
    for (const id of told.destroyed) assert.ok(!now.objects.has(id), `${context}: ${id} is still there`)
    for (const [id, object] of now.objects) {
      const old = before.objects.get(id)
      if (old === undefined) continue
      const different = Object.keys(object).filter((name) => textOf(old[name]) !== textOf(object[name]))
      if (different.length === 0) continue
      assert.ok(told.updated.has(id), `${context}: ${id} has other ${different.join(', ')}`)
      if (properties === null || type !== 'Mailbox') continue
      for (const name of different) assert.ok(properties.has(name), `${context}: ${name} of ${id}`)
      for (const name of properties) assert.ok(countNames.has(name), `${context}: ${name}`)
    }
    for (const id of told.updated)
      assert.ok(told.created.has(id) || now.objects.has(id), `${context}: ${id} is gone`)
  }

  async #checkQueryChanges(before: KeptQuery, now: KeptQuery, random: Random): Promise<void> {
    const upToId = random.chance(0.2) && before.ids.length > 0 ? random.pick(before.ids) : undefined
    const [answer] = await this.#client.ask([
      'Email/queryChanges',
      {
        ...before.args,
        sinceQueryState: before.queryState,
        calculateTotal: true,
        ...(upToId !== undefined && { upToId }),
      },
    ])
    const { added, removed, newQueryState, total } = answer as unknown as QueryChanges
    const context = `Email/queryChanges ${JSON.stringify(before.args)} since ${before.queryState} up to ${upToId}`
    assert.equal(newQueryState, now.queryState, context)
    assert.equal(total, now.ids.length, context)
    const ids = before.ids.filter((id) => !removed.includes(id))
    // RFC 8620 §5.6: in the order of their places, lowest first.
    for (const { id, index } of added) ids.splice(index, 0, id)
    const upTo = upToId === undefined ? now.ids.length : now.ids.indexOf(upToId) + 1
    const wanted = upTo === 0 && upToId !== undefined ? now.ids : now.ids.slice(0, upTo)
    assert.deepEqual(
      ids.slice(0, wanted.length),
      wanted,
      `${context}: ${JSON.stringify([before.ids, answer])}`,
    )
    if (upToId === undefined) assert.equal(ids.length, wanted.length, context)
  }
}

interface Page {
  readonly oldState: string
  readonly newState: string
  readonly hasMoreChanges: boolean
  readonly created: readonly string[]
  readonly updated: readonly string[]
  readonly destroyed: readonly string[]
  readonly updatedProperties?: readonly string[] | null
}

interface QueryChanges {
  readonly newQueryState: string
  readonly total: number
  readonly removed: readonly string[]
  readonly added: readonly { readonly id: string; readonly index: number }[]
}

function keptOf(answer: Json): Kept {
  const { state, list } = answer as { state: string; list: readonly (Json & { id: string })[] }
  return { state, objects: new Map(list.map((object) => [object.id, object])) }
}

const sorted = (ids: ReadonlySet<string>): readonly string[] => [...ids].toSorted()

/** The same for sets in another order. */
const textOf = (value: unknown): string =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : JSON.stringify(value)
