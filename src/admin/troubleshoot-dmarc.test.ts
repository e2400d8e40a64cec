import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startDns } from '../../test/harness/dns.ts'
import { makeApi } from './fixture.test.ts'
import type { ShownAuthentication } from './troubleshoot-dmarc.ts'

const path = '/api/troubleshoot/dmarc'
const client = { remoteIp: '192.0.2.1', ehloDomain: 'mx.example.org' }

test('a message as text or in Base64, its header, or none', async () => {
  await using dns = await startDns({
    'example.org': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
    '_dmarc.example.org': { TXT: ['v=DMARC1; p=reject'] },
  })
  const api = await makeApi({ config: dns.config })
  const ask = async (more: object): Promise<ShownAuthentication> => {
    const { status, body } = await api.call('POST', path, { ...client, ...more })
    assert.equal(status, 200, JSON.stringify(body))
    return (body as { data: ShownAuthentication }).data
  }
  const mailFrom = 'alice@example.org'
  const text = 'From: Älice <alice@example.org>\n\nhello\n'
  const { elapsedMs, dmarc } = await ask({ mailFrom, message: text })
  assert.deepEqual([dmarc.result, dmarc.spfAlignment], ['pass', 'strict'])
  assert.ok(elapsedMs >= 0)
  const shapes: string[] = []
  for (const more of [{ messageBase64: Buffer.from(text).toString('base64') }, { message: 'From: x@y' }, {}])
    shapes.push((await ask({ mailFrom, ...more })).message)
  assert.deepEqual(shapes, ['whole', 'headerOnly', 'none'])
  const notice = await ask({ remoteIp: '::ffff:192.0.2.1', message: text })
  assert.match(notice.spfMailFrom.reason, /mx\.example\.org/)
  assert.deepEqual(api.crashes, [])
})

test('what is no question, and who may not ask', async () => {
  const { call, ask, accounts, basic, crashes } = await makeApi()
  for (const [wrong, property] of [
    [{ ehloDomain: 'x' }, 'remoteIp'],
    [{ ...client, remoteIp: 'mx.example.org' }, 'remoteIp'],
    [{ ...client, ehloDomain: 'two words' }, 'ehloDomain'],
    [{ ...client, ehloDomain: 'x'.repeat(256) }, 'ehloDomain'],
    [{ ...client, mailFrom: 'nobody' }, 'mailFrom'],
    [{ ...client, message: 'x'.repeat(750_001) }, 'message'],
    [{ ...client, messageBase64: 'no base 64' }, 'messageBase64'],
    [{ ...client, message: 'x', messageBase64: 'eA==' }, 'messageBase64'],
    [{ ...client, to: ['bob@example.org'] }, 'to'],
  ] as const) {
    const { status, body } = await call('POST', path, wrong)
    assert.deepEqual([status, (body as { properties: unknown }).properties], [400, [property]])
  }
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createAccount({ name: 'alice@example.org', password: 'correct horse battery' })
  const headers = { authorization: basic('alice@example.org', 'correct horse battery') }
  assert.equal((await ask(path, { method: 'POST', headers, body: '{}' })).status, 403)
  assert.deepEqual(crashes, [])
})
