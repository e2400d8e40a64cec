/** What clients send that mean harm, or are broken: each gets a precise answer, and the server goes on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { connectionPair } from '../../test/harness/pipe.ts'
import { ask, ImapTestServer } from './fixture.test.ts'

test('a line without end is cut off, before and after sign-in', async () => {
  await using server = await ImapTestServer.start()
  const stranger = server.connect()
  await stranger.expect('* OK')
  stranger.sendRaw(`a1 LOGIN ${'x'.repeat(10_000)}\r\n`)
  await stranger.expect(/^\* BYE Line too long$/)
  await stranger.expectEnd()
  const client = await server.selected()
  client.sendRaw(Buffer.concat([Buffer.from('a1 SEARCH '), Buffer.alloc(10 << 20, '('), Buffer.from('\r\n')]))
  await client.expect(/^\* BYE Line too long$/)
  await client.expectEnd()
})

test('wrong states, unknown commands and lines that are none', async () => {
  await using server = await ImapTestServer.start()
  const client = server.connect()
  await client.expect('* OK')
  await ask(client, 'a1 FETCH 1 UID', ['a1 BAD Sign in first'])
  await ask(client, 'a2 LIST "" *', ['a2 BAD Sign in first'])
  await ask(client, 'a3 XYZZY', ['a3 BAD Unknown command'])
  await ask(client, 'a4 UID XYZZY', ['a4 BAD Unknown command'])
  await ask(client, 'a5 UID', ['a5 BAD Unknown command'])
  await ask(client, 'a6  NOOP', ['a6 BAD Expected an atom'])
  await ask(client, 'a7 NOOP ', ['a7 BAD Unexpected text after the arguments'])
  client.send('')
  await client.expect('* BAD Expected a tag')
  client.send('lonely')
  await client.expect('lonely BAD Expected a space')
  client.sendRaw('a8\tNOOP\r\n\0\0\0\r\n\xff\xfe NOOP\r\n')
  await client.expectLines(['a8 BAD', '* BAD', '* BAD'])
  await ask(client, 'a9 NOOP', ['a9 OK NOOP completed'])
})

test('a client that says nothing right is shown out', async () => {
  await using server = await ImapTestServer.start()
  const client = server.connect()
  await client.expect('* OK')
  client.sendRaw('GET / HTTP/1.1\r\n'.repeat(30))
  const lines = await client.until('* BYE')
  assert.equal(lines.length, 21)
  assert.equal(lines.at(-1), '* BYE Too many bad commands')
  await client.expectEnd()
})

test('literals beyond the limit are not asked for, and are thrown away where they come anyway', async () => {
  await using server = await ImapTestServer.start()
  const stranger = server.connect()
  await stranger.expect('* OK')
  await ask(stranger, 'a1 LOGIN {100000}', ['a1 NO [LIMIT] Command too large'])
  stranger.sendRaw(`a2 LOGIN {20000+}\r\n${'x'.repeat(20_000)} {3+}\r\nabc\r\na3 NOOP\r\n`)
  await stranger.expectLines(['a2 NO [LIMIT] Command too large', 'a3 OK'])
  stranger.sendRaw('a4 LOGIN {999999999999+}\r\n')
  await stranger.expect('* BYE [TOOBIG] Literal too large')
  await stranger.expectEnd()
  const client = await server.signedIn()
  client.sendRaw('b1 XYZZY {5+}\r\na NOO\r\nb2 NOOP\r\n')
  await client.expectLines(['b1 BAD Unknown command', 'b2 OK'])
})

test('a connection that ends inside a command, at every byte of it', async () => {
  await using server = await ImapTestServer.start()
  const commands =
    'a1 LOGIN {16+}\r\nfred@example.org secret\r\na2 SELECT INBOX\r\na3 APPEND INBOX {5+}\r\nx: y\n\r\na4 IDLE\r\nDONE\r\na5 LOGOUT\r\n'
  for (let at = 0; at < commands.length; at += 3) {
    const client = server.connect()
    client.sendRaw(commands.slice(0, at))
    client.end()
    await client.until('* OK')
    const end = client.expectEnd()
    await end.catch(() => undefined)
  }
  const client = await server.signedIn()
  await ask(client, 'b NOOP', ['b OK NOOP completed'])
  assert.equal(server.told.filter(({ event }) => event === 'imap.error').length, 0)
})

test('a client that does not read holds up nobody, and holds a fixed amount', async () => {
  await using server = await ImapTestServer.start()
  await server.deliverBytes(Buffer.from(`Subject: big\r\n\r\n${'x'.repeat(3 << 20)}`))
  const { server: connection, client } = connectionPair({ writeTimeoutMs: 60_000 })
  const serving = server.protocol.serve(connection).catch(() => undefined)
  client.write('a1 LOGIN fred@example.org secret\r\na2 SELECT INBOX\r\n')
  for (let i = 0; i < 30; i++) client.write(`b${i} FETCH 1 BODY.PEEK[]\r\n`)
  for (let i = 0; i < 50; i++) await new Promise(setImmediate)
  // Nobody has read anything: what waits is bounded, whatever was asked for.
  assert.ok(client.readableLength < 1 << 20, `${client.readableLength} bytes wait`)
  const other = await server.selected()
  await ask(other, 'c FETCH 1 RFC822.SIZE', [
    `* 1 FETCH (RFC822.SIZE ${(3 << 20) + 16})`,
    'c OK FETCH completed',
  ])
  connection.destroy()
  client.destroy()
  await serving
})

test('a defect of ours is NO [SERVERBUG] and an event, and the session goes on', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  const read = server.blobs.readRange.bind(server.blobs)
  server.blobs.readRange = () => {
    throw new RangeError('planted')
  }
  await ask(client, 'a1 FETCH 1 BODY.PEEK[]', ['a1 NO [SERVERBUG] Internal error'])
  server.blobs.readRange = read
  const [event] = server.told.filter(({ event: name }) => name === 'imap.error')
  assert.equal(event!['command'], 'FETCH')
  await ask(client, 'a2 NOOP', ['a2 OK NOOP completed'])
})

test('bytes that fail to come inside a literal end the connection, not the protocol', async () => {
  await using server = await ImapTestServer.start()
  await server.deliverBytes(Buffer.from(`Subject: big\r\n\r\n${'x'.repeat(200_000)}`))
  server.blobs.read = async function* () {
    yield Buffer.from('only this')
    throw new Error('planted')
  }
  const { server: connection, client } = connectionPair()
  let said = ''
  client.on('data', (chunk: Buffer) => (said += chunk.toString()))
  client.write('a1 LOGIN fred@example.org secret\r\na2 SELECT INBOX\r\na3 FETCH 1 BODY.PEEK[]\r\n')
  await server.protocol.serve(connection)
  assert.equal(connection.ended, 'closed')
  assert.doesNotMatch(said, /a3 (OK|NO|BAD)|BYE/)
  assert.equal(server.told.filter(({ event }) => event === 'imap.error').length, 1)
})

test('a shutdown and silence are said goodbye to', async () => {
  await using server = await ImapTestServer.start()
  const { server: connection, client } = connectionPair()
  const serving = server.protocol.serve(connection)
  let said = ''
  client.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(client, 'data')
  connection.shutdown()
  await serving
  await connection.close()
  assert.match(said, /\r\n\* BYE \[UNAVAILABLE\] Server is shutting down\r\n$/)
  const silent = await ImapTestServer.start({ timeoutAnonymous: 1 })
  await using _silent = silent
  const idler = silent.connect()
  await idler.expectLines(['* OK', '* BYE Autologout'])
  await idler.expectEnd()
})

test('whatever is sent, every line that comes back is a response', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const piece = fc.constantFrom(
    ...'FETCH STORE SEARCH COPY MOVE UID LIST STATUS SELECT CREATE APPEND INBOX FLAGS BODY[] RETURN (ALL) 1:* $ " ( ) {3+} * % \\Seen NIL ENVELOPE + - . < > 2 \0 \u00ff'.split(
      ' ',
    ),
    ' ',
    ' ',
    ' ',
    '\r\n',
    '\r\na ',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 25 }), async (pieces) => {
      const client = await server.selected()
      client.sendRaw(`a ${pieces.join('')}\r\n\r\n\r\nxyz\r\nend NOOP\r\n`)
      client.end()
      const lines: string[] = []
      await (async () => {
        for (;;) lines.push(await client.line())
      })().catch(() => undefined)
      const left = lines.filter((line) => !/^(\* |\+ |\S+ (OK|NO|BAD) )/.test(line))
      // Bodies that were fetched are the only other lines.
      for (const line of left)
        assert.match(line, /^(Subject: number \d+|body|)$|^ ?\w.*\)$|^\)$/, client.transcript)
    }),
    { numRuns: 120 },
  )
  assert.deepEqual(
    server.told.filter(({ event }) => event === 'imap.error'),
    [],
  )
})

test('what was done is answered, also where the changes cannot be shown', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  const read = server.db.read.bind(server.db)
  const write = server.db.write.bind(server.db)
  server.db.write = (async (...args: Parameters<typeof write>) => {
    const result = await write(...args)
    server.db.read = () => Promise.reject(new Error('planted'))
    return result
  }) as typeof write
  client.sendRaw('a1 APPEND INBOX {5+}\r\nx: y\n\r\n')
  await client.expect('a1 OK [APPENDUID ')
  server.db.read = read
  server.db.write = write
  await ask(client, 'a2 NOOP', ['* 1 EXISTS', 'a2 OK NOOP completed'])
})
