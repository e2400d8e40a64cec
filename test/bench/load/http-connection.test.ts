import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { HttpConnection } from './http-connection.ts'

const sized = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nH\u00e9llo'
const chunked =
  'HTTP/1.1 301 Moved\r\nlocation: /there\r\ntransfer-encoding: chunked\r\n\r\n4\r\nWiki\r\nA\r\n0123456789\r\n0\r\n\r\n'

/** Answers each request with the next of the answers, piece by piece, and closes after the last. */
async function serve(answers: readonly (readonly Buffer[])[]): Promise<Server> {
  const left = [...answers]
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    const answer = async (pieces: readonly Buffer[], isLast: boolean): Promise<void> => {
      for (const piece of pieces) {
        socket.write(piece)
        for (let turns = 0; turns < 3; turns++) await turn()
      }
      if (isLast) socket.end()
    }
    socket.on('data', () => void answer(left.shift() ?? [], left.length === 0))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

test('answers of a known length and in chunks, wherever they are cut', async () => {
  for (const [text, expected] of [
    [sized, { status: 200, location: undefined, text: 'Héllo' }],
    [chunked, { status: 301, location: '/there', text: 'Wiki0123456789' }],
  ] as const) {
    const bytes = Buffer.from(text)
    const cuts = Array.from(bytes.keys(), (at) => [bytes.subarray(0, at), bytes.subarray(at)] as const)
    const server = await serve(cuts)
    const { port } = server.address() as AddressInfo
    const connection = new HttpConnection({ host: '127.0.0.1', port })
    for (const [before] of cuts)
      assert.deepEqual(await connection.send('GET', '/', ''), expected, `cut at ${before.length}`)
    connection.close()
    server.close()
  }
})

test('a connection that the server closes is an error, also for what is sent later', async () => {
  const server = await serve([[Buffer.from(sized.slice(0, -1))]])
  const { port } = server.address() as AddressInfo
  const connection = new HttpConnection({ host: '127.0.0.1', port })
  await assert.rejects(connection.send('GET', '/', ''), /closed/)
  await assert.rejects(connection.send('GET', '/', ''), /closed|ended/)
  connection.close()
  server.close()
})
