/**
 * What changes reaches clients of JMAP over every channel, whoever changed it, on whichever worker: by delivery, over
 * IMAP. Channels end with the password that opened them, and with the server.
 */
import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { ClientKeys, claimsOf, PushReceiver } from '#jmap/push-receiver.test.ts'
import { certificatePath } from '../../harness/certificates.ts'
import { startDns } from '../../harness/dns.ts'
import { basicAuth, startServer, type TestServer } from '../../harness/server.ts'

const name = 'alice@example.org'
const password = 'correct horse battery'
const later = 'another horse battery'

const quick = `
[Jmap]
eventSourceThrottle = 0
websocketThrottle = 0
pushThrottle = 0
pushPrivateNetworks = true
`

type Json = Record<string, unknown>

async function deliver(server: TestServer): Promise<void> {
  await using client = await server.connect(server.smtpPort)
  await client.expect('220 ')
  client.send('EHLO client.example.net')
  await client.until('250 ')
  await client.ask('MAIL FROM:<bob@example.net>', '250 ')
  await client.ask(`RCPT TO:<${name}>`, '250 ')
  await client.ask('DATA', '354 ')
  await client.ask('Subject: news\r\n\r\nhello\r\n.', '250 ')
}

/** Over IMAP, the first message becomes important or not. */
async function flag(server: TestServer, how: '+' | '-', secret = password): Promise<void> {
  await using client = await server.connect(server.imapsPort, { tls: true })
  await client.expect('* OK ')
  client.send(`a LOGIN ${name} "${secret}"`)
  await client.until('a OK')
  client.send('b SELECT INBOX')
  await client.until('b OK')
  client.send(`c STORE 1 ${how}FLAGS (\\Flagged)`)
  await client.until('c OK')
}

/** What a channel tells, change by change. */
interface Channel {
  /** The types of the own account that changed, until all of these were told. */
  until(...types: readonly string[]): Promise<readonly string[]>
  readonly ended: Promise<unknown>
}

async function told(next: () => Promise<Json>, types: readonly string[]): Promise<readonly string[]> {
  const all = new Set<string>()
  while (!types.every((type) => all.has(type))) {
    const [states] = Object.values((await next())['changed'] as Record<string, object>)
    for (const type of Object.keys(states!)) all.add(type)
  }
  return [...all].sort()
}

async function eventSource(server: TestServer, secret = password): Promise<Channel> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(
      {
        host: '127.0.0.1',
        port: server.httpPort,
        path: '/jmap/eventsource/?types=*&closeafter=no&ping=0',
        headers: { authorization: basicAuth(name, secret) },
        agent: false,
      },
      resolve,
    ).on('error', reject)
  })
  assert.equal(response.statusCode, 200)
  const changes: Json[] = []
  let wake = (): void => {}
  let text = ''
  response.on('data', (chunk: Buffer) => {
    text += String(chunk)
    const lines = text.split('\n')
    text = lines.pop()!
    for (const line of lines) if (line.startsWith('data: ')) changes.push(JSON.parse(line.slice(6)) as Json)
    wake()
  })
  const next = async (): Promise<Json> => {
    while (changes.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return changes.shift()!
  }
  return {
    until: (...types) => told(next, types),
    ended: new Promise((resolve) => response.once('close', () => resolve(response.complete))),
  }
}

async function webSocket(server: TestServer, secret = password): Promise<Channel> {
  const ws = new WebSocket(`wss://127.0.0.1:${server.httpsPort}/jmap/ws`, 'jmap', {
    headers: { authorization: basicAuth(name, secret) },
    rejectUnauthorized: false,
  })
  const messages: Json[] = []
  let wake = (): void => {}
  ws.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString('utf8')) as Json)
    wake()
  })
  const ended = new Promise((resolve) => ws.once('close', resolve))
  await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject))
  const next = async (): Promise<Json> => {
    while (messages.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return messages.shift()!
  }
  ws.send(JSON.stringify({ '@type': 'WebSocketPushEnable', dataTypes: null, pushState: 'none' }))
  assert.equal((await next())['@type'], 'StateChange')
  return { until: (...types) => told(next, types), ended }
}

async function request(server: TestServer, methodName: string, args: Json, secret = password): Promise<Json> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/jmap/`, {
    method: 'POST',
    headers: { authorization: basicAuth(name, secret), 'content-type': 'application/json' },
    body: JSON.stringify({ using: ['urn:ietf:params:jmap:core'], methodCalls: [[methodName, args, 'c']] }),
  })
  const { methodResponses } = (await response.json()) as { methodResponses: [string, Json, string][] }
  assert.equal(methodResponses[0]![0], methodName)
  return methodResponses[0]![1]
}

async function subscribe(server: TestServer, receiver: PushReceiver): Promise<Channel> {
  const session = (await (
    await fetch(`http://127.0.0.1:${server.httpPort}/jmap/session`, {
      headers: { authorization: basicAuth(name, password) },
    })
  ).json()) as { capabilities: Record<string, { applicationServerKey: string }> }
  const { applicationServerKey } = session.capabilities['urn:ietf:params:jmap:webpush-vapid']!
  const client = new ClientKeys()
  const next = async (): Promise<Json> => {
    const push = await receiver.next()
    assert.equal(
      claimsOf(push.headers.authorization, applicationServerKey)['sub'],
      'mailto:postmaster@mail.example.org',
    )
    return client.decrypt(push)
  }
  const wanted = { deviceClientId: 'device', url: receiver.url('/push'), keys: client.keys, types: null }
  const { created } = await request(server, 'PushSubscription/set', { create: { k: wanted } })
  const { id } = (created as Record<string, { id: string }>)['k']!
  const { verificationCode, pushSubscriptionId } = await next()
  assert.equal(pushSubscriptionId, id)
  const { updated } = await request(server, 'PushSubscription/set', {
    update: { [id]: { verificationCode } },
  })
  assert.deepEqual(updated, { [id]: null })
  return { until: (...types) => told(next, types), ended: Promise.resolve() }
}

test('changes by delivery and over IMAP, on any worker, reach every channel; channels end with the password and the server', async () => {
  // The push service of the test has a certificate that the server is to believe.
  process.env['NODE_EXTRA_CA_CERTS'] = certificatePath('root')
  await using receiver = await PushReceiver.start()
  await using dns = await startDns({ 'push.example.com': { A: ['127.0.0.1'] } })
  await using server = await startServer({ workers: 2, config: quick + dns.config })
  await server.createAccount(name, password)
  const push = await subscribe(server, receiver)
  const [source, socket] = [await eventSource(server), await webSocket(server)]
  // Enough for both workers to have some.
  for (let i = 0; i < 6; i++) {
    await deliver(server)
    for (const channel of [source, socket, push])
      assert.deepEqual(await channel.until('Email', 'EmailDelivery', 'Mailbox', 'Thread'), [
        'Email',
        'EmailDelivery',
        'Mailbox',
        'Thread',
      ])
  }
  for (const how of ['+', '-', '+', '-'] as const) {
    await flag(server, how)
    for (const channel of [source, socket, push]) assert.deepEqual(await channel.until('Email'), ['Email'])
  }

  const changed = await server.api('PATCH', `/api/principal/${name}`, [
    { action: 'set', field: 'secrets', value: [later] },
  ])
  assert.equal(changed.status, 200, await changed.text())
  assert.equal(await socket.ended, 1008)
  assert.equal(await source.ended, true)
  assert.deepEqual(await request(server, 'PushSubscription/get', {}, later), { list: [], notFound: [] })
  await deliver(server)
  assert.equal(receiver.waiting, 0)

  const [last, lastSocket] = [await eventSource(server, later), await webSocket(server, later)]
  const ended = server.process.stop()
  assert.equal(await lastSocket.ended, 1001)
  assert.equal(await last.ended, true)
  assert.deepEqual(await ended, { code: 0, signal: null })
})
