import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import { StreamConnection } from '#net/stream-connection.ts'
import { ImapClient, tokens } from './client.ts'
import { ImapTestServer } from './fixture.test.ts'

function clientOf(server: ImapTestServer): { client: ImapClient; connection: StreamConnection } {
  const conversation = server.connect()
  const stream = conversation.stream
  stream.removeAllListeners('data')
  stream.removeAllListeners('end')
  const connection = new StreamConnection(stream, {
    listener: 'client',
    peer: { ip: '192.0.2.2', port: 143 },
    local: { ip: '192.0.2.1', port: 40000 },
    idleTimeoutMs: 60_000,
    writeTimeoutMs: 60_000,
    lingerMs: 10,
    handshake: undefined,
  })
  return { client: new ImapClient(connection), connection }
}

test('the client signs in, appends, fetches and waits', async () => {
  await using server = await ImapTestServer.start()
  const { client, connection } = clientOf(server)
  assert.match((await client.response()).toString(), /^OK \[CAPABILITY /)
  assert.equal(
    (await client.command('LOGIN ', Buffer.from('fred@example.org'), ' ', Buffer.from('secret'))).status,
    'OK',
  )
  assert.equal((await client.command('SELECT INBOX')).code, 'READ-WRITE')
  const message = Buffer.from('Subject: {5}\r\n\r\n("nested" text)\r\n')
  const appended = await client.command('APPEND INBOX (\\Seen) ', message)
  assert.match(appended.code!, /^APPENDUID \d+ 1$/)
  const fetched = await client.command('UID FETCH 1 (FLAGS BODY[HEADER.FIELDS (SUBJECT)] BODY[])')
  const [number, word, items] = tokens(fetched.untagged[0]!)
  assert.deepEqual([number, word], ['1', 'FETCH'])
  assert.deepEqual(items, [
    'UID',
    '1',
    'FLAGS',
    ['\\Seen'],
    'BODY[HEADER.FIELDS (SUBJECT)]',
    Buffer.from('Subject: {5}\r\n\r\n'),
    'BODY[]',
    message,
  ])
  const refused = await client.command('APPEND Nowhere ', message)
  assert.deepEqual([refused.status, refused.code], ['NO', 'TRYCREATE'])
  const idle = await client.idle()
  await server.fill(1)
  assert.equal((await client.response()).toString(), '2 EXISTS')
  assert.equal((await idle.done()).status, 'OK')
  await client.command('LOGOUT')
  connection.destroy()
})

test('any bytes are taken apart or refused', () => {
  assert.deepEqual(tokens(Buffer.from('LIST (\\HasNoChildren) "/" "a \\"b\\"" NIL')), [
    'LIST',
    ['\\HasNoChildren'],
    Buffer.from('/'),
    Buffer.from('a "b"'),
    undefined,
  ])
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('(', ')', '"', '\\', '{', '3', '}', '\r\n', ' ', 'x', '[', ']', '~'),
      }),
      (text) => {
        try {
          tokens(Buffer.from(text))
        } catch (error) {
          if (!(error instanceof SyntaxFault)) throw error
        }
      },
    ),
    { numRuns: 1000 },
  )
})
