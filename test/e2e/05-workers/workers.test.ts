/** Several protocol workers on one store and the same ports. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer, type TestServer } from '../../harness/server.ts'

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

test('several workers do not share a port with somebody else', async () => {
  await using first = await startServer({ workers: 2 })
  const config = `[server.listener.taken]\nbind = "127.0.0.1:${first.smtpPort}"\n`
  await assert.rejects(
    startServer({ workers: 2, config }),
    /port \d+ on 127\.0\.0\.1 for the listener "taken"/,
  )
})
