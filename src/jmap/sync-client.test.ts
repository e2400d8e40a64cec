/**
 * Clients that keep what they know of an account up to date: objects by /get and /changes, results by /query and
 * /queryChanges. Each compares what it keeps with what the server says of all of it.
 */
import assert from 'node:assert/strict'
import type { JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

export type Kind = 'Mailbox' | 'Thread' | 'Email'

/** Of Emails what can change, and their thread. */
const emailProperties = ['id', 'threadId', 'mailboxIds', 'keywords']

/** Somebody who looks at the account, and all of each type that they ever saw. */
export class Watcher {
  readonly as: string | undefined
  readonly #server: JmapTestServer
  readonly #seen: Record<Kind, Set<string>> = { Mailbox: new Set(), Thread: new Set(), Email: new Set() }
  /** What there is now of each type; undefined where the account cannot be seen. */
  now: Readonly<Record<Kind, JsonObject>> | undefined

  constructor(server: JmapTestServer, as?: string) {
    this.#server = server
    this.as = as
  }

  async look(): Promise<void> {
    const types = ['Mailbox', 'Thread', 'Email'] as const
    const all = await this.send(types.map((type) => [`${type}/get`, getOf(type, null)]))
    this.now = all === undefined ? undefined : { Mailbox: all[0]!, Thread: all[1]!, Email: all[2]! }
    if (this.now === undefined) return
    for (const type of types)
      for (const one of this.now[type]['list'] as readonly JsonObject[])
        this.#seen[type].add(one['id'] as string)
  }

  /** Nobody is told of what they never saw. */
  assertSeen(type: Kind, ids: readonly string[]): void {
    if (this.as === undefined) return
    for (const id of ids) assert.ok(this.#seen[type].has(id), `${id} was never to be seen`)
  }

  async call(name: string, args: object): Promise<JsonObject> {
    return (await this.send([[name, args]]))![0]!
  }

  /** undefined where the account cannot be seen; there is no other error. */
  async send(calls: readonly (readonly [string, object])[]): Promise<readonly JsonObject[] | undefined> {
    const { answers } = await this.#server.request(
      calls.map(([name, args], i) => [name, { accountId: 'A7', ...args }, `c${i}`] as const),
      this.as === undefined ? {} : { as: this.as },
    )
    if (answers.every(([, told]) => told['type'] === 'accountNotFound')) return undefined
    for (const [i, [name, told]] of answers.entries())
      assert.notEqual(
        name,
        'error',
        `${JSON.stringify(calls[i])} of ${this.as ?? 'the owner'}: ${JSON.stringify(told)}`,
      )
    return answers.map(([, told]) => told)
  }
}

const getOf = (type: Kind, ids: readonly string[] | null): object => ({
  ids,
  ...(type === 'Email' ? { properties: emailProperties } : {}),
})

type Objects = Map<string, JsonObject>

const byId = (list: unknown): Objects =>
  new Map((list as readonly JsonObject[]).map((one) => [one['id'] as string, one]))

/** What a client keeps of one type. */
export class KeptObjects {
  readonly #of: Watcher
  readonly #type: Kind
  readonly #maxChanges: number
  #objects: Objects = new Map()
  #state: string | undefined
  /** Whether the state is one of all that there was. */
  #isWhole = true

  constructor(of: Watcher, type: Kind, maxChanges: number) {
    this.#of = of
    this.#type = type
    this.#maxChanges = maxChanges
  }

  /** After so many pages of changes it is busy with something else until the next time. */
  async check(patience: number): Promise<void> {
    const all = this.#of.now![this.#type]
    if (this.#state === undefined) this.#begin(all)
    // A client that knows the state need not ask.
    else if (all['state'] !== this.#state && !(await this.#follow(patience))) return
    const sorted = (objects: Objects): readonly JsonObject[] =>
      [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
    assert.deepEqual(
      sorted(this.#objects),
      sorted(byId(all['list'])),
      `${this.#type} of ${this.#of.as ?? 'the owner'}`,
    )
    assert.equal(this.#state, all['state'])
    this.#isWhole = true
  }

  /** Whether all was told. */
  async #follow(patience: number): Promise<boolean> {
    for (let pages = 0; pages < patience; pages++) {
      const told = await this.#of.call(`${this.#type}/changes`, {
        sinceState: this.#state,
        maxChanges: this.#maxChanges,
      })
      const [created, updated, destroyed] = ['created', 'updated', 'destroyed'].map(
        (list) => told[list] as string[],
      )
      assert.ok(created!.length + updated!.length + destroyed!.length <= this.#maxChanges)
      const isLast = told['hasMoreChanges'] === false
      // Told at once, all is exact: what the owner sees alone is not looked at so closely.
      if (this.#of.as !== undefined && this.#isWhole && isLast) {
        for (const id of created!) assert.ok(!this.#objects.has(id), `${id} is not new`)
        for (const id of [...updated!, ...destroyed!]) assert.ok(this.#objects.has(id), `${id} is new`)
      }
      this.#of.assertSeen(this.#type, destroyed!)
      for (const id of destroyed!) this.#objects.delete(id)
      await this.#fetch([...created!, ...updated!])
      this.#state = told['newState'] as string
      this.#isWhole = false
      if (isLast) return true
    }
    return false
  }

  /** Of what is there no more the next changes tell. */
  async #fetch(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const found = await this.#of.call(`${this.#type}/get`, getOf(this.#type, ids))
    for (const [id, one] of byId(found['list'])) this.#objects.set(id, one)
    for (const id of found['notFound'] as readonly string[]) this.#objects.delete(id)
  }

  #begin(all: JsonObject): void {
    this.#state = all['state'] as string
    this.#objects = byId(all['list'])
  }
}

export type Query = readonly [type: 'Mailbox' | 'Email', args: object]

/** What a client keeps of the results of queries. */
export class KeptResults {
  readonly #of: Watcher
  readonly #queries: readonly Query[]
  #results: readonly JsonObject[] | undefined

  constructor(of: Watcher, queries: readonly Query[]) {
    this.#of = of
    this.#queries = queries
  }

  async check(): Promise<void> {
    const before = this.#results
    const now = await this.#call('query', () => ({ calculateTotal: true }))
    this.#results = now
    if (before === undefined) return
    const all = await this.#call('queryChanges', (i) => ({
      sinceQueryState: before[i]!['queryState'],
      calculateTotal: true,
    }))
    for (const [i, told] of all.entries()) this.#compare(this.#queries[i]!, before[i]!, now[i]!, told)
  }

  #compare(query: Query, before: JsonObject, now: JsonObject, told: JsonObject): void {
    const context = `${JSON.stringify(query)} of ${this.#of.as ?? 'the owner'}: ${JSON.stringify(told)}`
    const removed = told['removed'] as readonly string[]
    const added = told['added'] as readonly { id: string; index: number }[]
    // RFC 8620 §5.6
    const ids = (before['ids'] as readonly string[]).filter((id) => !removed.includes(id))
    for (const { id, index } of added) ids.splice(index, 0, id)
    assert.deepEqual(ids, now['ids'], context)
    assert.equal(told['newQueryState'], now['queryState'], context)
    assert.equal(told['total'], now['total'], context)
    this.#of.assertSeen(query[0], removed)
    if (before['queryState'] === now['queryState']) assert.deepEqual([removed, added], [[], []], context)
  }

  async #call(verb: string, more: (i: number) => object): Promise<readonly JsonObject[]> {
    const calls = this.#queries.map(
      ([type, args], i) => [`${type}/${verb}`, { ...args, ...more(i) }] as const,
    )
    return (await this.#of.send(calls))!
  }
}
