import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partsOf, pushMessage, roomIn } from './push-message.ts'
import { ClientKeys } from './push-receiver.test.ts'
import type { JsonObject } from './value.ts'

const change = (changed: JsonObject): JsonObject => ({ '@type': 'StateChange', changed })

describe('push messages', () => {
  it('RFC 8620 §7.2: are JSON with a TTL, encrypted only where there are keys', () => {
    const { headers, body } = pushMessage(change({ A7: { Email: '5' } }), { keys: null })
    assert.equal(headers['Content-Type'], 'application/json')
    assert.match(headers['TTL']!, /^\d+$/)
    assert.equal(headers['Content-Encoding'], undefined)
    assert.deepEqual(JSON.parse(body.toString()), change({ A7: { Email: '5' } }))
  })

  it('RFC 8291: are what the client decrypts, each with other keys, in one record', () => {
    const client = new ClientKeys()
    const { keys } = client
    for (const size of [0, 1, 100, 3990, 4000, 20_000]) {
      const message = change({ A7: { Email: 'x'.repeat(size) } })
      const first = pushMessage(message, { keys })
      const second = pushMessage(message, { keys })
      assert.notDeepEqual(first.body, second.body)
      for (const { headers, body } of [first, second])
        assert.deepEqual(
          client.decrypt({ headers: { 'content-encoding': headers['Content-Encoding'] }, body }),
          message,
        )
      assert.equal(first.headers['Content-Type'], 'application/json')
    }
  })

  it('RFC 8030 §5.4: have a topic that is the same for the same types of the same accounts only', () => {
    const topicOf = (changed: JsonObject): string =>
      pushMessage(change(changed), { keys: null }).headers['Topic']!
    const topic = topicOf({ A7: { Email: '5', Mailbox: '5' } })
    assert.match(topic, /^[\w-]{1,32}$/)
    assert.equal(topicOf({ A7: { Mailbox: '9', Email: '7' } }), topic)
    assert.notEqual(topicOf({ A7: { Email: '5' } }), topic)
    assert.notEqual(topicOf({ A8: { Email: '5', Mailbox: '5' } }), topic)
  })

  it('RFC 8030 §5.3: wake a device for new mail', () => {
    const urgency = (changed: JsonObject): string =>
      pushMessage(change(changed), { keys: null }).headers['Urgency']!
    assert.equal(urgency({ A7: { Email: '5', EmailDelivery: '5' } }), 'normal')
    assert.equal(urgency({ A7: { Email: '5' } }), 'low')
  })

  it('are not larger than may be sent, encrypted or not', () => {
    const client = new ClientKeys()
    const accounts = Array.from({ length: 300 }, (_, i) => [`A${i}`, { Email: '12345', Mailbox: '12345' }])
    const whole = change(Object.fromEntries(accounts) as JsonObject)
    for (const keys of [null, client.keys])
      for (const most of [512, 4096]) {
        const parts = partsOf(whole, roomIn(most, { keys }))
        const messages = parts.map((part) => pushMessage(part, { keys }))
        assert.ok(messages.every(({ body }) => body.length <= most))
        assert.ok(messages.every(({ body }) => body.length > most / 2 || body === messages.at(-1)!.body))
        const together = Object.assign({}, ...parts.map((part) => part['changed']))
        assert.deepEqual(together, whole['changed'])
      }
    assert.deepEqual(partsOf(change({ A7: { Email: '5' } }), 4096), [change({ A7: { Email: '5' } })])
  })
})
