/** The server ends in order: nothing new, what has begun is finished, and what was acknowledged is there. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Conversation } from '../../harness/conversation.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'

async function beginMessage(server: TestServer): Promise<Conversation> {
  const client = await server.connect(server.smtpPort)
  await client.expect('220 ')
  client.send('EHLO client.example.net')
  await client.until('250 ')
  await client.ask('MAIL FROM:<bob@example.net>', '250 ')
  await client.ask('RCPT TO:<alice@example.org>', '250 ')
  await client.ask('DATA', '354 ')
  client.send('Subject: in flight', '', 'first half')
  return client
}

async function countMessages(server: TestServer): Promise<number> {
  await using client = await server.connect(server.imapsPort, { tls: true })
  await client.expect('* OK ')
  client.send(`a LOGIN alice@example.org "${password}"`)
  await client.until('a OK')
  client.send('b STATUS INBOX (MESSAGES)')
  const status = await client.until('b OK')
  return Number(/MESSAGES (\d+)/.exec(status.join('\n'))![1])
}

/** Each worker hears of the stop by itself; whoever one of them takes before that is turned away. */
async function refused(server: TestServer): Promise<void> {
  for (;;) {
    const client = await server.connect(server.smtpPort).catch(() => undefined)
    if (client === undefined) return
    await using _late = client
    await client.until('421 ').catch(() => client.expectEnd())
  }
}

// Two at a time: some of them wait most of the time.
describe('the end', { concurrency: 2 }, () => {
  for (const workers of [1, 2]) {
    test(`a message in flight at SIGTERM is taken in, others are turned away, and the exit code is 0, workers: ${workers}`, async () => {
      await using server = await startServer({ workers })
      await server.createAccount('alice@example.org', password)
      await using idle = await server.connect(server.imapsPort, { tls: true })
      await idle.expect('* OK ')
      await using client = await beginMessage(server)
      server.process.kill('SIGTERM')
      await server.process.printed('server.stopping')
      await idle.expect('* BYE ')
      await refused(server)
      client.send('second half')
      await client.ask('.', '250 ')
      await client.expect('421 ')
      assert.deepEqual(await server.process.exited, { code: 0, signal: null })
      assert.match(server.process.output, /server\.stopped .*cutSessions=0/)
      assert.ok(!existsSync(join(server.directory, 'data/admin-token')))
      await using again = await startServer({ workers, directory: server.directory })
      assert.equal(await countMessages(again), 1)
    })

    // The server ends with 1 when its own limit of less than 10 s is over: no clock is needed here.
    test(`who never ends is cut off, and the exit code is 0 all the same, workers: ${workers}`, async () => {
      await using server = await startServer({ workers })
      await server.createAccount('alice@example.org', password)
      await using client = await beginMessage(server)
      assert.deepEqual(await server.process.stop(), { code: 0, signal: null })
      assert.match(server.process.output, /server\.stopped .*cutSessions=1/)
      await client.expectEnd()
    })

    test(`a second SIGINT ends it at once, workers: ${workers}`, async () => {
      await using server = await startServer({ workers })
      await server.createAccount('alice@example.org', password)
      await using _client = await beginMessage(server)
      server.process.kill('SIGINT')
      await server.process.printed('server.stopping')
      server.process.kill('SIGINT')
      assert.deepEqual(await server.process.exited, { code: 130, signal: null })
    })

    test(`after SIGKILL it starts again, and what was acknowledged is there, workers: ${workers}`, async () => {
      await using server = await startServer({ workers })
      await server.createAccount('alice@example.org', password)
      await using client = await beginMessage(server)
      await client.ask('.', '250 ')
      await server.process.stop('SIGKILL')
      await using again = await startServer({ workers, directory: server.directory })
      assert.equal(await countMessages(again), 1)
    })
  }
})
