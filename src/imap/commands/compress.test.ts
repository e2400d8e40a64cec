import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { createSelfSigned } from '#cert/self-signed.ts'
import { TlsContexts } from '#net/tls-contexts.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { connectionPair } from '../../../test/harness/pipe.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const flush = constants.Z_SYNC_FLUSH
/** The whole text in one flushed piece, as the first that a client compresses. */
const flushed = (text: string | Buffer): Buffer => deflateRawSync(text, { finishFlush: flush })

async function compress(client: Conversation): Promise<void> {
  await ask(client, 'z compress deflate', ['z OK DEFLATE active'])
  client.startDeflate()
}

test('[COMPRESS=DEFLATE] over TLS, everything after the answer is compressed', async () => {
  await using server = await ImapTestServer.start({ allowPlainTextAuth: false })
  await server.fill(2)
  const contexts = new TlsContexts([createSelfSigned(['localhost'], Date.now())])
  const client = server.connect({ handshake: { contexts, alpn: [], timeoutMs: 60_000 } })
  await client.expect('* OK [CAPABILITY ')
  client.send('a STARTTLS')
  await client.expect('a OK')
  await client.upgradeTls()
  const [offered] = await ask(client, 'b LOGIN fred@example.org secret')
  assert.match(offered!, / COMPRESS=DEFLATE /)
  await compress(client)
  await ask(client, 'd SELECT INBOX')
  await ask(client, 'e FETCH 1:2 UID', ['* 1 FETCH (UID 1)', '* 2 FETCH (UID 2)', 'e OK FETCH completed'])
  client.send('f LOGOUT')
  await client.expectLines(['* BYE', 'f OK'])
  await client.expectEnd()
})

test('compression that is on already, unknown ones, and one that is not allowed', async () => {
  await using server = await ImapTestServer.start()
  const stranger = server.connect()
  assert.doesNotMatch(await stranger.expect('* OK'), /COMPRESS/)
  await ask(stranger, 'a COMPRESS DEFLATE', ['a BAD Sign in first'])
  const client = await server.signedIn()
  await ask(client, 'a COMPRESS', ['a BAD Expected a space'])
  await ask(client, 'b COMPRESS LZW', ['b BAD Unknown compression'])
  await ask(client, 'c COMPRESS DEFLATE 9', ['c BAD Unexpected text after the arguments'])
  await compress(client)
  await ask(client, 'd COMPRESS DEFLATE', ['d BAD [COMPRESSIONACTIVE] Compression is on already'])
  await ask(client, 'e NOOP', ['e OK NOOP completed'])
  await using strict = await ImapTestServer.start({ allowCompression: false })
  const other = await strict.signedIn()
  assert.doesNotMatch((await ask(other, 'a CAPABILITY'))[0]!, /COMPRESS/)
  await ask(other, 'b COMPRESS DEFLATE', ['b BAD Unknown compression'])
})

test('literals both ways, IDLE, and pipelined commands', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await compress(client)
  const body = `Subject: large\r\n\r\n${'0123456789abcdef'.repeat(40_000)}`
  client.sendRaw(`a APPEND INBOX {${body.length}+}\r\n${body}\r\nb NOOP\r\n`)
  await client.expectLines(['* 1 EXISTS', 'a OK [APPENDUID', 'b OK'])
  client.send('c APPEND INBOX {4}')
  await client.expect('+ OK')
  client.send('x: y')
  await client.expectLines(['* 2 EXISTS', 'c OK'])
  client.send('d FETCH 1 BODY.PEEK[]')
  await client.expect(`* 1 FETCH (BODY[] {${body.length}}`)
  assert.equal((await client.bytes(body.length)).toString('latin1'), body)
  await client.expectLines([')', 'd OK'])
  client.send('e IDLE')
  await client.expect('+ ')
  await server.fill(1)
  await client.expect('* 3 EXISTS')
  client.send('DONE', 'f NOOP')
  await client.expectLines(['e OK', 'f OK'])
})

test('UNAUTHENTICATE ends it behind both CRLFs, with the next sign-in in clear right behind', async () => {
  await using server = await ImapTestServer.start()
  await server.add(8, 'mary@example.org')
  const client = await server.selected()
  await compress(client)
  await ask(client, 'a NOOP', ['a OK NOOP completed'])
  client.send('b UNAUTHENTICATE')
  await client.expect(/^b OK \[CAPABILITY .*\] Signed out$/)
  client.stopDeflate()
  await ask(client, 'c LOGIN mary@example.org secret')
  await compress(client)
  await ask(client, 'd SELECT INBOX')
  await ask(client, 'e NOOP', ['e OK NOOP completed'])
})

for (const [how, finishFlush] of [
  ['flushed', flush],
  ['ended', constants.Z_FINISH],
] as const) {
  test(`commands in clear are pipelined behind a compressed UNAUTHENTICATE that is ${how}`, async () => {
    await using server = await ImapTestServer.start()
    const { server: connection, client } = connectionPair()
    const serving = server.protocol.serve(connection)
    const said = gather(client)
    client.write('a LOGIN fred@example.org secret\r\n')
    await said.until('a OK')
    client.write('b COMPRESS DEFLATE\r\n')
    await said.until('b OK DEFLATE active\r\n')
    const packet = [
      deflateRawSync('c NOOP\r\nd UNAUTHENTICATE\r\n', { finishFlush }),
      'e NOOP\r\nf LOGOUT\r\n',
    ]
    client.write(Buffer.concat(packet.map((part) => Buffer.from(part))))
    await serving
    await connection.close()
    const answer = said.bytes.subarray(said.bytes.indexOf('active\r\n') + 8)
    const clear = answer.indexOf(Buffer.from([0, 0, 0xff, 0xff]), answer.lastIndexOf(0xff) - 4) + 4
    assert.match(
      inflate(answer.subarray(0, clear)),
      /^c OK NOOP completed\r\nd OK \[CAPABILITY .* Signed out\r\n$/,
    )
    assert.match(answer.toString('latin1', clear), /^e OK NOOP completed\r\n\* BYE .*\r\nf OK .*\r\n$/)
  })
}

test('what is not compressed is said goodbye to, what was sent before it is answered', async () => {
  await using server = await ImapTestServer.start()
  for (const sent of [
    Buffer.from('b NOOP\r\n'),
    Buffer.concat([flushed('b NOOP\r\n'), Buffer.from('c NOOP\r\n')]),
    Buffer.concat([deflateRawSync('b NOOP\r\n'), Buffer.from('c NOOP\r\n')]),
  ]) {
    const { server: connection, client } = connectionPair()
    const serving = server.protocol.serve(connection)
    const said = gather(client)
    client.write('a LOGIN fred@example.org secret\r\n')
    await said.until('a OK')
    client.write('a COMPRESS DEFLATE\r\n')
    await said.until('active\r\n')
    client.write(sent)
    await serving
    await connection.close()
    const text = inflate(said.bytes.subarray(said.bytes.indexOf('active\r\n') + 8))
    assert.equal(text.startsWith('b OK NOOP completed\r\n'), sent.length > 8, text)
    assert.match(text, /\* BYE What you sent is not compressed with DEFLATE\r\n$/)
    assert.equal(connection.ended, 'garbled')
  }
  assert.deepEqual(
    server.told.filter(({ event }) => event === 'imap.error'),
    [],
  )
})

test('a bomb is stopped by the limits of lines and of literals', async () => {
  await using server = await ImapTestServer.start()
  const long = await server.selected()
  await compress(long)
  long.sendRaw(`a SEARCH TEXT "${'x'.repeat(2 << 20)}"\r\n`)
  await long.expect('* BYE Line too long')
  await long.expectEnd()
  const endless = await server.selected()
  await compress(endless)
  endless.sendRaw('a SEARCH TEXT "')
  for (let i = 0; i < 8; i++) endless.sendRaw(Buffer.alloc(1 << 20, 'x'))
  await assert.rejects(endless.line(), /the connection ended/)
  const large = await server.selected()
  await compress(large)
  large.sendRaw(`a APPEND INBOX {${1 << 30}+}\r\n`)
  await large.expect('* BYE [TOOBIG] Literal too large')
})

test('who reads no answers has no more of the commands inflated', async () => {
  await using server = await ImapTestServer.start()
  await server.deliverBytes(Buffer.from(`Subject: big\r\n\r\n${randomBytes(1 << 20).toString('base64')}`))
  const { server: connection, client } = connectionPair({ writeTimeoutMs: 60_000 })
  const serving = server.protocol.serve(connection).catch(() => undefined)
  const said = gather(client)
  client.write('a LOGIN fred@example.org secret\r\nb SELECT INBOX\r\n')
  await said.until('b OK')
  client.write('c COMPRESS DEFLATE\r\n')
  await said.until('active\r\n')
  client.removeAllListeners('data')
  client.pause()
  const bomb = flushed('f FETCH 1 BODY.PEEK[]\r\n'.repeat(1_000_000))
  assert.ok(bomb.length < 128 << 10)
  client.write(bomb)
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.ok(connection.buffered < 256 << 10, `${connection.buffered} bytes`)
  assert.ok(client.readableLength < 1 << 20, `${client.readableLength} bytes wait`)
  const other = await server.selected()
  await ask(other, 'a NOOP', ['a OK NOOP completed'])
  connection.destroy()
  client.destroy()
  await serving
})

const inflate = (bytes: Buffer): string => inflateRawSync(bytes, { finishFlush: flush }).toString('latin1')

/** What a client hears, byte by byte. */
function gather(client: Duplex): { bytes: Buffer; until(text: string): Promise<void> } {
  const said = {
    bytes: Buffer.alloc(0),
    async until(text: string) {
      while (!said.bytes.includes(text)) await new Promise((resolve) => client.once('data', resolve))
    },
  }
  client.on('data', (chunk: Buffer) => {
    said.bytes = Buffer.concat([said.bytes, chunk])
  })
  return said
}
