import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isLoopbackIp } from '#base/ip.ts'
import { testCertificate } from '../../test/harness/certificates.ts'
import { pushMessage } from './push-message.ts'
import { PushReceiver } from './push-receiver.test.ts'
import { PushSender } from './push-sender.ts'

const never = new AbortController().signal
const message = pushMessage({ '@type': 'StateChange', changed: { A7: { Email: '1' } } }, { keys: null })
const how = { authorization: 'vapid t=a, k=b', timeoutMs: 30_000, signal: never }

describe('requests to push services', () => {
  it('have the message and its headers', async () => {
    await using receiver = await PushReceiver.start()
    const outcome = await receiver.sender.send(new URL(receiver.url('/a?b=c')), message, how)
    assert.equal(outcome.kind, 'sent')
    const { path, headers, body } = await receiver.next()
    assert.equal(path, '/a?b=c')
    assert.equal(headers['authorization'], 'vapid t=a, k=b')
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['ttl'], '86400')
    assert.deepEqual(body, message.body)
  })

  for (const { status, kind } of [
    { status: 200, kind: 'sent' },
    { status: 201, kind: 'sent' },
    { status: 202, kind: 'sent' },
    { status: 301, kind: 'refused' },
    { status: 307, kind: 'refused' },
    { status: 400, kind: 'refused' },
    { status: 403, kind: 'refused' },
    { status: 404, kind: 'gone' },
    { status: 410, kind: 'gone' },
    { status: 413, kind: 'refused' },
    { status: 429, kind: 'slower' },
    { status: 500, kind: 'failed' },
    { status: 503, kind: 'failed' },
  ])
    it(`RFC 8030 §7.3, RFC 8620 §7.2: ${status} is ${kind}, and is followed nowhere`, async () => {
      await using receiver = await PushReceiver.start()
      receiver.answer = () => ({ status, headers: { Location: receiver.url('/elsewhere') } })
      assert.equal((await receiver.sender.send(new URL(receiver.url('/a')), message, how)).kind, kind)
      assert.equal(receiver.waiting, 1)
    })

  it('know how long to wait', async () => {
    await using receiver = await PushReceiver.start()
    for (const [header, afterMs] of [
      ['120', 120_000],
      ['999999999', 86_400_000],
      ['-5', 0],
      ['soon', 0],
      [new Date(0).toUTCString(), 0],
    ] as const) {
      receiver.answer = () => ({ status: 429, headers: { 'Retry-After': header } })
      const outcome = await receiver.sender.send(new URL(receiver.url('/a')), message, how)
      assert.equal(outcome.kind === 'slower' && outcome.afterMs, afterMs)
    }
  })

  it('go to public addresses only, whatever the name leads to, and only over TLS that is good for it', async () => {
    await using receiver = await PushReceiver.start()
    const addressesOf = async (): Promise<readonly string[]> => [
      '127.0.0.1',
      '::1',
      '10.0.0.1',
      '169.254.1.1',
    ]
    using strict = new PushSender({ addressesOf, mayReach: () => undefined, ca: testCertificate('root') })
    const url = new URL(receiver.url('/a'))
    const outcome = await strict.send(url, message, how)
    assert.equal(outcome.kind, 'failed')
    assert.match(outcome.reason, /no address/)
    for (const host of ['127.0.0.1', '[::1]', 'nowhere.example.com'])
      assert.equal(
        (await receiver.sender.send(new URL(receiver.url('/a', host)), message, how)).kind,
        'failed',
      )
    // The certificate is for names of example.com.
    const other = new URL(receiver.url('/a', 'push.example.net'))
    assert.equal((await receiver.sender.send(other, message, how)).kind, 'failed')
    using trusting = new PushSender({ addressesOf, mayReach: () => isLoopbackIp })
    assert.equal((await trusting.send(url, message, how)).kind, 'failed')
    assert.equal(receiver.waiting, 0)
  })

  it('end in time, and with the server', async () => {
    await using receiver = await PushReceiver.start()
    receiver.answer = () => undefined
    const url = new URL(receiver.url('/a'))
    const late = await receiver.sender.send(url, message, { ...how, timeoutMs: 20 })
    assert.deepEqual(late, { kind: 'failed', reason: 'no answer in time' })
    const end = new AbortController()
    const other = new URL(receiver.url('/b'))
    const sending = receiver.sender.send(other, message, { ...how, signal: end.signal })
    // Of the other one it may have got all, or nothing.
    while ((await receiver.next()).path !== '/b');
    end.abort(new Error('the end'))
    await assert.rejects(sending, /the end/)
  })
})
