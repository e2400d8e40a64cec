/** Several protocol workers on one store and the same ports. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { basicAuth, startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'
const connections = 24

async function deliver(server: TestServer): Promise<void> {
  await using client = await server.connect(server.smtpPort)
  await client.expect('220 ')
  client.send('EHLO client.example.net')
  await client.until('250 ')
  await client.ask('MAIL FROM:<bob@example.net>', '250 ')
  await client.ask('RCPT TO:<alice@example.org>', '250 ')
  await client.ask('DATA', '354 ')
  await client.ask('Subject: one of many\r\n\r\nhello\r\n.', '250 ')
}

for (const engine of ['lmdb', 'sqlite'] as const) {
  test(`${engine}: two workers share ports and mail, and are counted together`, async () => {
    await using server = await startServer({ engine, workers: 2 })
    assert.match(server.process.output, /server\.ready .*workers=2/)
    await server.createAccount('alice@example.org', password)
    // Enough sessions that both workers have some; each must see what all deliver.
    const readers = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const reader = await server.connect(server.imapsPort, { tls: true })
        await reader.expect('* OK ')
        reader.send(`a LOGIN alice@example.org "${password}"`)
        await reader.until('a OK')
        reader.send('b SELECT INBOX')
        await reader.until('b OK')
        await reader.ask('c IDLE', '+ ')
        return reader
      }),
    )
    await Promise.all(Array.from({ length: connections }, () => deliver(server)))
    for (const reader of readers) {
      await reader.until(`* ${connections} EXISTS`)
      reader.send('DONE')
      await reader.until('c OK')
      reader.send('d UID SEARCH ALL')
      const found = (await reader.until('d OK')).find((line) => line.startsWith('* SEARCH'))
      assert.equal(found?.split(' ').length, connections + 2)
    }
    const metrics = await (await server.api('GET', '/metrics')).text()
    assert.match(metrics, new RegExp(`^smtp_messages_received_total ${connections}$`, 'm'))
    assert.match(metrics, /^imap_connections_active 6$/m)
    for (const reader of readers) reader.destroy()
    assert.deepEqual(await server.process.stop(), { code: 0, signal: null })
  })
}

/** Over a connection of its own. */
async function ask(server: TestServer, path: string, as: string, calls?: unknown): Promise<Json> {
  const using = ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail', 'urn:postern:jmap']
  const { promise, resolve, reject } = Promise.withResolvers<Json>()
  const asked = request(
    {
      port: server.httpPort,
      path,
      method: calls === undefined ? 'GET' : 'POST',
      agent: false,
      headers: { Authorization: as, 'Content-Type': 'application/json' },
    },
    (response) => {
      text(response)
        .then((body) => {
          assert.equal(response.statusCode, 200, body)
          resolve(JSON.parse(body))
        })
        .catch(reject)
    },
  )
  asked.once('error', reject)
  asked.end(calls === undefined ? undefined : JSON.stringify({ using, methodCalls: calls }))
  return promise
}

type Json = Record<string, unknown>

// Planted: the worker that is asked by another one counts the request once more.
test('JMAP, its management and the API are the same on both workers, and each sees what the other did', async () => {
  // What one worker passes on to the other is one request.
  await using server = await startServer({ workers: 2, config: '[Jmap]\nmaxConcurrentRequests = 1\n' })
  await server.createAccount('alice@example.org', password)
  const rooted = await server.api('PATCH', '/api/principal/alice@example.org', [
    { action: 'set', field: 'roles', value: ['admin'] },
  ])
  assert.equal(rooted.status, 200, await rooted.text())
  const alice = basicAuth('alice@example.org', password)
  const sessions = await Promise.all(
    Array.from({ length: connections }, () => ask(server, '/jmap/session', alice)),
  )
  for (const session of sessions) assert.deepEqual(session, sessions[0])
  const accountId = (sessions[0]!['primaryAccounts'] as Json)['urn:postern:jmap']
  const call = async (name: string, args: object): Promise<Json> => {
    const { methodResponses } = await ask(server, '/jmap/', alice, [[name, { accountId, ...args }, 'c']])
    const [[got, result]] = methodResponses as [[string, Json]]
    assert.equal(got, name, JSON.stringify(result))
    return result
  }
  const { created } = await call('Mailbox/set', { create: { k: { name: 'a' } } })
  const { id } = (created as Record<string, Json>)['k']!
  let state: unknown
  for (let i = 0; i < connections; i++) {
    const { newState } = await call('Mailbox/set', { update: { [id as string]: { name: `b${i}` } } })
    const { list, state: now } = await call('Mailbox/get', { ids: [id] })
    assert.deepEqual([now, (list as Json[])[0]!['name']], [newState, `b${i}`])
    if (state !== undefined) {
      const { updated } = await call('Mailbox/changes', { sinceState: state })
      assert.deepEqual(updated, [id])
    }
    state = now
  }

  for (let i = 0; i < connections; i++) {
    const name = `d${i}.example.net`
    const made = await call('x:Domain/set', { create: { k: { name } } })
    assert.ok((made['created'] as Json)['k'] !== undefined, JSON.stringify(made))
    const { data } = await ask(server, `/api/principal/${name}`, alice)
    assert.equal((data as Json)['name'], name)
  }
})

// Planted: another worker does not read the settings again.
test('what an administrator is told is true on both workers: the queue stands still, settings are in force', async () => {
  await using server = await startServer({ workers: 2, config: '[Imap]\nmaxMessagesPerCommand = 1000\n' })
  const everywhere = <T>(look: () => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: 12 }, look))
  const admin = basicAuth('admin', server.adminPassword!)
  for (const [change, isRunning] of [
    ['stop', false],
    ['start', true],
  ] as const) {
    assert.equal((await server.api('PATCH', `/api/queue/status/${change}`)).status, 200)
    for (const { data } of await everywhere(() => ask(server, '/api/queue/status', admin)))
      assert.equal(data, isRunning)
  }
  const file = join(server.directory, 'server.toml')
  for (const most of [1001, 1002, 1003, 1004]) {
    const before = await readFile(file, 'utf8')
    await writeFile(file, before.replace(/maxMessagesPerCommand = \d+/, `maxMessagesPerCommand = ${most}`))
    assert.equal((await server.api('POST', '/api/reload')).status, 200)
    const told = await everywhere(async () => {
      await using client = await server.connect(server.imapPort)
      await client.expect('* OK')
      client.send('a CAPABILITY')
      return (await client.until('a OK')).join(' ')
    })
    for (const capabilities of told) assert.match(capabilities, new RegExp(`MESSAGELIMIT=${most} `))
  }
})

test('several workers do not share a port with somebody else', async () => {
  await using first = await startServer({ workers: 2 })
  const config = `[server.listener.taken]\nbind = "127.0.0.1:${first.smtpPort}"\n`
  await assert.rejects(
    startServer({ workers: 2, config }),
    /port \d+ on 127\.0\.0\.1 for the listener "taken"/,
  )
})
