/** What becomes of push subscriptions when the server's key is exchanged (RFC 9749 §5). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pushKeyRotator } from '#server/web/push-key.ts'
import { claimsOf } from './push-receiver.test.ts'
import { json, type Pushing, startPushing, touch, until } from './push-fixture.test.ts'
import type { JsonObject } from './value.ts'

const dayMs = 86_400_000
const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z')

const rotate = (p: Pushing, now = false) => pushKeyRotator(p.server)(now)

interface Session {
  readonly state: string
  readonly capabilities: Record<string, { applicationServerKey: string }>
}

async function session({ server }: Pushing): Promise<{ state: string; key: string }> {
  const { state, capabilities } = (await (await server.fetch('/jmap/session')).json()) as Session
  return { state, key: capabilities['urn:ietf:params:jmap:webpush-vapid']!.applicationServerKey }
}

/** The next push is of a change, and this key signed it. */
const nextSignedBy = async (p: Pushing, key: string): Promise<void> => {
  const push = await p.receiver.next()
  assert.equal(claimsOf(push.headers.authorization, key)['aud'], new URL(p.receiver.url('/')).origin)
  assert.equal(json(push)['@type'], 'StateChange')
}

describe('RFC 9749 §5: another key', () => {
  it('is another state of the session, and in answers to requests too', async () => {
    await using p = await startPushing()
    const before = await session(p)
    const { publicKey } = await rotate(p)
    const after = await session(p)
    assert.equal(after.key, publicKey)
    assert.ok(after.key !== before.key && after.state !== before.state)
    const { body } = await p.server.request([['Core/echo', {}, 'c']])
    assert.equal(body['sessionState'], after.state)
  })

  // Fault that turns it red: everything is signed by the current key.
  it('signs what is sent to those that are made with it, and the one before goes on with those that have it', async () => {
    await using p = await startPushing()
    const { key: old } = await session(p)
    const first = await p.verified()
    await rotate(p)
    const { key } = await session(p)
    await touch(p)
    await nextSignedBy(p, old)
    await p.restart()
    await touch(p, 'Thread')
    await nextSignedBy(p, old)
    await p.call('PushSubscription/set', { destroy: [first] })
    await p.verified({ url: p.receiver.url('/new') })
    await touch(p)
    await nextSignedBy(p, key)
  })

  // Fault that turns it red: the expiry does not look at the key.
  it('leaves the one before seven days, which no client can make longer', async () => {
    await using p = await startPushing()
    const id = await p.verified()
    const { clock } = p.server
    const { oldUntil } = await rotate(p)
    const end = clock.now() + 7 * dayMs
    assert.equal(oldUntil, new Date(end).toISOString())
    clock.advance(dayMs)
    const { updated } = await p.call('PushSubscription/set', {
      update: { [id]: { expires: iso(clock.now() + 7 * dayMs) } },
    })
    assert.deepEqual({ ...(updated![id]! as JsonObject) }, { expires: iso(end) })
    clock.advance(6 * dayMs)
    const { list } = await p.call('PushSubscription/get', {})
    assert.deepEqual(list, [])
  })

  // Fault that turns it red: nobody is told of the exchange.
  it('ends those of the key before the last one, and at once those of a key that somebody else may have', async () => {
    for (const ways of [[false, false], [true]]) {
      await using p = await startPushing()
      const { key: old } = await session(p)
      await p.verified()
      // It is told of changes, and waits for the next.
      await touch(p)
      await nextSignedBy(p, old)
      for (const now of ways) await rotate(p, now)
      await until(async () => (await p.rows()) === 0)
      await touch(p)
      const { list } = await p.call('PushSubscription/get', {})
      assert.deepEqual(list, [])
      assert.equal(p.receiver.waiting, 0)
      await p.verified({ url: p.receiver.url('/new') })
      await touch(p)
      await nextSignedBy(p, (await session(p)).key)
    }
  })
})
