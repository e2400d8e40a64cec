/**
 * A client that keeps submissions and a query of them up to date by /changes and /queryChanges, over random
 * histories of sending, canceling, attempts and reports: after each step what it keeps is what /get and /query say.
 * What was canceled is sent to nobody; what somebody got is final; nobody gets anything twice.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { envelope, later, never, SendingTest } from './sending-fixture.test.ts'
import type { JsonObject } from './value.ts'

const fred = 'fred@example.org'

type Step =
  | { readonly kind: 'send'; readonly recipients: number; readonly heldMinutes: number }
  | { readonly kind: 'cancel' | 'destroy'; readonly which: number }
  | { readonly kind: 'pass'; readonly minutes: number; readonly answers: readonly number[] }
  | { readonly kind: 'report'; readonly which: number; readonly action: string }

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('send' as const),
    recipients: fc.integer({ min: 1, max: 3 }),
    heldMinutes: fc.constantFrom(0, 0, 10),
  }),
  fc.record({ kind: fc.constantFrom('cancel' as const, 'destroy' as const), which: fc.nat(8) }),
  fc.record({
    kind: fc.constant('pass' as const),
    minutes: fc.constantFrom(0, 5, 600, 6000),
    answers: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('report' as const),
    which: fc.nat(8),
    action: fc.constantFrom('delivered', 'failed', 'delayed'),
  }),
)

/** One of these, where there is any. */
const pick = <T>(all: readonly T[], which: number): T | undefined => all[which % all.length]

class Client {
  readonly t: SendingTest
  readonly #objects = new Map<string, JsonObject>()
  #ids: string[] = []
  #state: unknown
  #queryState: unknown
  readonly #query = { filter: { undoStatus: 'pending' }, sort: [{ property: 'sentAt', isAscending: false }] }

  constructor(t: SendingTest) {
    this.t = t
  }

  async begin(): Promise<void> {
    this.#state = (await this.t.server.call('EmailSubmission/get', { ids: [] }))['state']
    this.#queryState = (await this.t.server.call('EmailSubmission/query', this.#query))['queryState']
  }

  async check(): Promise<readonly JsonObject[]> {
    await this.#followObjects()
    await this.#followQuery()
    const { list } = await this.t.server.call('EmailSubmission/get', { ids: null })
    const all = list as readonly JsonObject[]
    assert.deepEqual(new Map(this.#objects), new Map(all.map((one) => [one['id'] as string, one])))
    const { ids } = await this.t.server.call('EmailSubmission/query', this.#query)
    assert.deepEqual(this.#ids, ids)
    return all
  }

  async #followObjects(): Promise<void> {
    const changes = await this.t.server.call('EmailSubmission/changes', { sinceState: this.#state })
    this.#state = changes['newState']
    for (const id of changes['destroyed'] as string[]) this.#objects.delete(id)
    const wanted = [...(changes['created'] as string[]), ...(changes['updated'] as string[])]
    const { list, notFound } = await this.t.server.call('EmailSubmission/get', { ids: wanted })
    assert.deepEqual(notFound, [])
    for (const one of list as JsonObject[]) this.#objects.set(one['id'] as string, one)
  }

  /** RFC 8620 §5.6: what is removed goes, then what is added comes in the order of its places. */
  async #followQuery(): Promise<void> {
    const since = { ...this.#query, sinceQueryState: this.#queryState }
    const changes = await this.t.server.call('EmailSubmission/queryChanges', since)
    this.#queryState = changes['newQueryState']
    const removed = new Set(changes['removed'] as string[])
    this.#ids = this.#ids.filter((id) => !removed.has(id))
    for (const { id, index } of changes['added'] as { id: string; index: number }[])
      this.#ids.splice(index, 0, id)
  }
}

class History {
  readonly t: SendingTest
  readonly #emailId: string
  readonly #identityId: string
  readonly #ids: string[] = []
  readonly #canceled = new Set<string>()
  #sent = 0

  constructor(t: SendingTest, emailId: string, identityId: string) {
    this.t = t
    this.#emailId = emailId
    this.#identityId = identityId
  }

  async do(step: Step): Promise<void> {
    if (step.kind === 'send') return this.#send(step.recipients, step.heldMinutes)
    if (step.kind === 'pass') {
      let n = 0
      const { answers } = step
      this.t.answer = () => {
        const kind = answers[n++ % answers.length]
        return kind === 0 ? this.t.taken : kind === 1 ? later() : never()
      }
      await this.t.deliver(step.minutes * 60_000)
      return this.t.readReports()
    }
    const id = pick(this.#ids, step.which)
    if (id === undefined) return
    if (step.kind === 'report') await this.#report(id, step.action)
    else if (step.kind === 'destroy') await this.t.set({ destroy: [id] })
    else {
      const { updated } = await this.t.set({ update: { [id]: { undoStatus: 'canceled' } } })
      if (updated !== null) this.#canceled.add(id)
    }
  }

  async #send(recipients: number, heldMinutes: number): Promise<void> {
    const to = Array.from({ length: recipients }, (_, n) => `r${this.#sent}-${n}@d${n}.example`)
    this.#sent++
    const parameters = heldMinutes === 0 ? null : { HOLDFOR: String(heldMinutes * 60) }
    const { id } = await this.t.submit({
      identityId: this.#identityId,
      emailId: this.#emailId,
      envelope: { ...envelope(fred, ...to), mailFrom: { email: fred, parameters } },
    })
    this.#ids.push(id as string)
  }

  async #report(id: string, action: string): Promise<void> {
    const recipient = `r${this.#ids.indexOf(id)}-0@d0.example`
    const fields = `Final-Recipient: rfc822;${recipient}\nAction: ${action}\nStatus: 5.0.0\n`
    await this.t.receive(
      `Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nOriginal-Envelope-Id: ${id}\n\n${fields}--b--\n`,
    )
  }

  /** What others got, beside what the client is told. */
  check(all: readonly JsonObject[]): void {
    const got = this.t.sent.flatMap(({ to }) => to)
    assert.equal(new Set(got).size, got.length, 'nobody gets anything twice')
    for (const [i, id] of this.#ids.entries()) {
      const isGot = got.some((address) => address.startsWith(`r${i}-`))
      assert.ok(!(this.#canceled.has(id) && isGot), 'canceled, and there')
      const shown = all.find((one) => one['id'] === id)
      if (shown === undefined) continue
      if (isGot) assert.equal(shown['undoStatus'], 'final')
      if (this.#canceled.has(id)) assert.equal(shown['undoStatus'], 'canceled')
      const status = Object.values(shown['deliveryStatus'] as Record<string, { delivered: string }>)
      if (shown['undoStatus'] === 'pending') assert.ok(status.some(({ delivered }) => delivered === 'queued'))
    }
  }
}

test('RFC 8621 §7: a client that follows the changes knows what is so, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 25 }), async (all) => {
      await using t = await SendingTest.start()
      const client = new Client(t)
      await client.begin()
      const history = new History(t, await t.draft(), await t.identity())
      for (const step of all) {
        await history.do(step)
        history.check(await client.check())
      }
    }),
    { numRuns: 40 },
  )
})
