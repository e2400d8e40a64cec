import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ImapClient } from './imap-client.ts'
import { SmtpClient } from './smtp-client.ts'
import { sharedReadBuffer } from './wire.ts'

/** Sends each text when the client has sent the next line, split into pieces of `pieceBytes`. */
async function scripted(pieceBytes: number, greeting: string, answers: readonly string[]) {
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    let next = 0
    const send = async (text: string) => {
      for (let at = 0; at < text.length; at += pieceBytes) {
        socket.write(text.slice(at, at + pieceBytes))
        await new Promise(setImmediate)
      }
    }
    let sending = send(greeting)
    socket.on('data', () => {
      const answer = answers[next++] ?? ''
      sending = sending.then(() => send(answer))
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  return { endpoint, [Symbol.asyncDispose]: async () => void server.close() }
}

for (const pieceBytes of [1, 3, 4096]) {
  test(`IMAP answers are found when they come in pieces of ${pieceBytes}`, async () => {
    await using server = await scripted(pieceBytes, '* OK ready\r\n', [
      '* 3 EXISTS\r\n* 1 FETCH (BODY[] {7}\r\n zq1 OK)\r\nzq1 OK done\r\n* 4 EXISTS\r\n',
      'zq2 NO [NONEXISTENT] not there\r\n',
      '+ idling\r\n* 5 EXISTS\r\n',
      'idle OK\r\n',
    ])
    const client = await ImapClient.open(server.endpoint, false, sharedReadBuffer())
    assert.match(await client.ask('SELECT a'), /\* 3 EXISTS\r\n.*FETCH/s)
    await assert.rejects(client.command('SELECT b'), /SELECT b was answered zq2 NO \[NONEXISTENT\]/)
    await client.idle()
    assert.match(await client.waitForExists(), / EXISTS/)
    await client.done()
    client.close()
  })

  test(`SMTP replies of several lines are counted in pieces of ${pieceBytes}`, async () => {
    await using server = await scripted(pieceBytes, '220-hello\r\n220 there\r\n', [
      '250-me\r\n250 SIZE\r\n',
      '250 ok\r\n550-no\r\n550 such user\r\n554 none\r\n',
      '221 bye\r\n',
    ])
    const client = await SmtpClient.open(server.endpoint, sharedReadBuffer())
    assert.equal(await client.exchange(['MAIL\r\nRCPT\r\nDATA\r\n'], 3), 554)
    assert.equal(await client.exchange(['QUIT\r\n'], 1), 221)
    client.close()
  })
}

test('a connection that ends rejects who waits', async () => {
  await using server = await scripted(4096, '* OK ready\r\n', [])
  const client = await ImapClient.open(server.endpoint, false, sharedReadBuffer())
  const answer = client.command('NOOP')
  client.close()
  await assert.rejects(answer, /closed the connection/)
})
