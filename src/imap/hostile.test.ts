/** What clients send that mean harm, or are broken: each gets a precise answer, and the server goes on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mock, test } from 'node:test'
import fc from 'fast-check'
import type { Conversation } from '../../test/harness/conversation.ts'
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

/** Each line is answered so, and the session goes on. */
async function answered(
  client: Conversation,
  lines: readonly (readonly [string, string | RegExp])[],
): Promise<void> {
  for (const [line, answer] of lines) {
    client.sendRaw(`a ${line}\r\nz NOOP\r\n`)
    const got = (await client.until(/^a /)).at(-1)!
    if (typeof answer === 'string') assert.equal(got, `a ${answer}`, line.slice(0, 200))
    else assert.match(got, answer, line.slice(0, 200))
    await client.expect(/^z OK/)
  }
}

test('parentheses without their others, and quotes without an end', async () => {
  await using server = await ImapTestServer.start({ maxBadCommands: 100 })
  await server.fill(1)
  const client = await server.selected()
  await answered(client, [
    ['FETCH 1 (UID', 'BAD Expected ")"'],
    ['FETCH 1 UID)', 'BAD Expected a space'],
    ['FETCH 1 ((UID))', 'BAD Expected an atom'],
    ['FETCH 1 BODY[HEADER.FIELDS (DATE]', 'BAD Expected ")"'],
    ['FETCH 1 BODY[', /^a BAD /],
    ['FETCH 1 BODY[]<', /^a BAD /],
    ['STORE 1 +FLAGS (\\Seen', 'BAD Expected ")"'],
    ['STORE 1 +FLAGS \\Seen)', 'BAD Unexpected text after the arguments'],
    ['SEARCH (ALL', 'BAD Expected ")"'],
    ['SEARCH ALL)', 'BAD Unexpected text after the arguments'],
    ['SEARCH ()', 'BAD Expected an atom'],
    ['SEARCH RETURN (ALL', /^a BAD /],
    ['LIST "" (INBOX', 'BAD Expected ")"'],
    ['LIST "" "INBOX', 'BAD Quoted string without an end'],
    ['STATUS INBOX (MESSAGES', 'BAD Expected ")"'],
    ['APPEND INBOX (\\Seen {1}', /^a BAD /],
    ['LIST "" "\\a"', 'BAD Only " and \\ can be escaped'],
    ['LIST "" "\\', /^a BAD /],
    ['(', /^a BAD /],
  ])
})

test('what is nested too deeply is refused before it is gone into', async () => {
  await using server = await ImapTestServer.start({ maxBadCommands: 100 })
  await server.fill(1)
  const client = await server.selected()
  const complex = 'BAD Search too complex'
  await answered(client, [
    [`SEARCH ${'('.repeat(10_000)}ALL${')'.repeat(10_000)}`, complex],
    [`SEARCH ${'('.repeat(10_000)}`, complex],
    [`SEARCH ${'NOT '.repeat(10_000)}ALL`, complex],
    [`SEARCH ${'OR ALL '.repeat(9000)}ALL`, complex],
    [`SEARCH ${'ALL '.repeat(10_000)}ALL`, complex],
    [`SORT (DATE) UTF-8 ${'('.repeat(10_000)}`, complex],
    [`ESEARCH IN (selected) ${'('.repeat(10_000)}`, complex],
    [`FETCH 1 BODY[${'1.'.repeat(10_000)}1]`, 'BAD Section too deep'],
    [`FETCH 1 (${'UID '.repeat(10_000)}UID)`, /^a (OK|BAD)/],
    [`STATUS ${'a/'.repeat(10_000)}a (MESSAGES)`, /^a NO \[/],
    [`CREATE ${'a/'.repeat(10_000)}a`, /^a NO \[/],
    [`LIST "" ${'%'.repeat(10_000)}`, 'OK LIST completed'],
  ])
  // A message that is nested so deeply.
  const depth = 10_000
  const head = Array.from(
    { length: depth },
    (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
  )
  await server.deliverBytes(Buffer.from(head.join('')))
  await ask(client, 'b NOOP')
  client.send('c FETCH 2 (ENVELOPE BODYSTRUCTURE)')
  await client.until('c OK')
})

// One that takes as long as what they span would never end.
test('sets of very many ranges, in time that grows with them and not with what they span', async () => {
  await using server = await ImapTestServer.start({ maxBadCommands: 100 })
  await server.fill(50)
  const client = await server.selected()
  await answered(client, [
    [`UID FETCH ${'1,'.repeat(20_000)}1 UID`, 'BAD Too many ranges'],
    ['UID SEARCH UID 1:4294967295,4294967295:1', /^a /],
  ])
  const many = Array.from({ length: 16_000 }, () => '1:*').join(',')
  await ask(client, `b UID SEARCH UID ${many.slice(0, 60_000).replace(/,[^,]*$/, '')} SUBJECT none`, [
    '* SEARCH',
    'b OK UID SEARCH completed',
  ])
  await ask(client, `c SEARCH ${'UID 1:4294967295 '.repeat(1900)}1`, ['* SEARCH 1', 'c OK SEARCH completed'])
  await ask(client, 'd UID STORE 4294967295:1 +FLAGS.SILENT ()', ['d OK UID STORE completed'])
  await ask(client, 'e FETCH 4294967295:1 UID', ['e BAD No message with that number'])
  await ask(client, 'f FETCH 4294967296 UID', ['f BAD Number too large'])
  await ask(client, 'g FETCH 0 UID', ['g BAD Expected a number above zero'])
  for (const set of [
    ',',
    '1,',
    ',1',
    '1:',
    ':1',
    '1::2',
    '*:',
    '-1',
    '1-2',
    '$$',
    '1 2',
    '99999999999999999999',
  ])
    assert.match((await ask(client, `h UID FETCH ${set} UID`)).at(-1)!, /^h BAD /, set)
  // A million of them are a line without end.
  client.sendRaw(`i UID FETCH ${'1,'.repeat(1_000_000)}1 UID\r\n`)
  await client.expect('* BYE Line too long')
})

test('offsets and sizes beyond everything', async () => {
  await using server = await ImapTestServer.start({ maxBadCommands: 100 })
  await server.deliver('Subject: s\n\nbody\n')
  const client = await server.selected()
  for (const [partial, bytes] of [
    ['0.4294967295', 'body\r\n'],
    ['4294967295.4294967295', ''],
    ['4294967295.1', ''],
    ['4.4294967295', '\r\n'],
    ['6.1', ''],
  ] as const) {
    client.send(`a FETCH 1 BODY.PEEK[TEXT]<${partial}>`)
    await client.expect(`* 1 FETCH (BODY[TEXT]<${partial.split('.')[0]}> `)
    const lines = await client.until('a OK')
    assert.equal(lines.slice(0, -1).join('\r\n'), `${bytes})`)
  }
  await answered(client, [
    // RFC 9051 §9 has 63 bits; nothing is so large.
    ['FETCH 1 BODY.PEEK[]<9007199254740991.9007199254740991>', 'OK FETCH completed'],
    ['FETCH 1 BODY[]<9007199254740992.1>', /^a BAD /],
    ['FETCH 1 BODY[]<18446744073709551616.1>', /^a BAD /],
    ['FETCH 1 BODY[]<0.0>', /^a BAD /],
    ['FETCH 1 BODY[]<-1.1>', /^a BAD /],
    ['FETCH 1 BODY[]<1>', /^a BAD /],
    ['FETCH 1 BODY[4294967296]', /^a BAD /],
    ['FETCH 1 BODY[0]', /^a BAD /],
    ['UID FETCH 1 UID (PARTIAL 1:4294967296)', /^a BAD /],
    ['UID FETCH 1 UID (PARTIAL 0:1)', /^a BAD /],
    ['UID FETCH 1 UID (PARTIAL -1:1)', /^a BAD /],
    ['UID FETCH 1 UID (CHANGEDSINCE 9223372036854775808)', /^a BAD /],
    ['UID FETCH 1 UID (CHANGEDSINCE 9223372036854775807)', /^a OK/],
    ['SEARCH LARGER 99999999999999999999', /^a BAD /],
    ['SEARCH BEFORE 99-Jan-2020', /^a BAD /],
    ['SEARCH BEFORE 1-Jan-99999', /^a BAD /],
    ['SETQUOTA "" (STORAGE 18446744073709551616)', /^a (BAD|NO)/],
  ])
})

test('literals of absurd sizes', async () => {
  await using server = await ImapTestServer.start({ maxBadCommands: 100 })
  for (const size of ['4294967295+', '18446744073709551615+', '99999999999999999999+']) {
    const client = await server.signedIn()
    client.sendRaw(`a APPEND INBOX {${size}}\r\nabc`)
    await client.expect('* BYE [TOOBIG] Literal too large')
    await client.expectEnd()
  }
  const client = await server.signedIn()
  await answered(client, [
    ['APPEND INBOX {4294967295}', 'NO [TOOBIG] Message too large'],
    ['LIST "" {4294967295}', 'NO [LIMIT] Command too large'],
    ['LIST "" {-1}', /^a BAD /],
    ['LIST "" {1e3}', /^a BAD /],
    ['LIST "" {}', /^a BAD /],
    ['LIST "" {+}', /^a BAD /],
    ['LIST "" {0+}\r\n', /^a OK|^a BAD/],
    ['APPEND INBOX {0+}\r\n', /^a NO/],
    ['APPEND INBOX {999999999999999999999999999999}', /^a (BAD|NO)/],
  ])
})

test('NUL, and bytes beyond ASCII where there may be none', async () => {
  await using server = await ImapTestServer.start({ maxBadCommands: 200 })
  await server.fill(1)
  const client = await server.selected()
  await answered(client, [
    ['SEARCH SUBJECT "a\0b"', 'BAD Quoted string without an end'],
    ['SEARCH SUBJECT {3+}\r\na\0b', 'BAD NUL in a literal'],
    ['SEARCH SUBJECT a\0b', /^a BAD /],
    ['SELECT a\0b', /^a BAD /],
    ['CREATE {3+}\r\na\0b', 'BAD NUL in a literal'],
    ['CREATE "a\0b"', 'BAD Quoted string without an end'],
    ['FETCH 1\0 UID', /^a BAD /],
    ['FETCH 1 UID\0', /^a BAD /],
    ['STORE 1 +FLAGS (a\0b)', /^a BAD /],
    ['STORE 1 +FLAGS (\xe4)', /^a BAD /],
    ['SEARCH KEYWORD \xe4', /^a BAD /],
    ['SEARCH \xe4', /^a BAD /],
    ['SEARCH SUBJECT "\xe4"', 'BAD Quoted string that is not UTF-8'],
    ['SELECT \xe4', /^a BAD /],
    ['SELECT "\xe4"', 'BAD Quoted string that is not UTF-8'],
    ['SELECT {1+}\r\n\xe4', /^a NO \[CANNOT\]/],
    ['F\xe4TCH 1 UID', /^a BAD /],
    ['FETCH 1 (UID\xa0FLAGS)', /^a BAD /],
    ['LOGIN "\xe4" b', /^a BAD /],
    ['ENABLE \xe4', /^a BAD /],
    ['ID ("\xe4" "b")', 'BAD Quoted string that is not UTF-8'],
    ['SETMETADATA INBOX (/private/comment "\xe4")', 'BAD Quoted string that is not UTF-8'],
    ['APPEND INBOX (\xe4) {1}', /^a BAD /],
    ['APPEND INBOX {8+}\r\nx: a\0b\r\n', /^a (NO|OK)/],
  ])
})

test('names of mailboxes that lead nowhere else', async () => {
  await using server = await ImapTestServer.start({ maxBadCommands: 200 })
  const client = await server.signedIn()
  const before = await ask(client, 'a LIST "" *')
  for (const name of [
    '""',
    '"/"',
    '"//"',
    '"/etc/passwd"',
    '"a//b"',
    '"/a"',
    '"a\tb"',
    '"a*b"',
    '"a%b"',
    '"&"',
    '"&AOQ"',
    '"&-x&"',
    // Modified UTF-7 that has another spelling, or none: "a" and "&" in base64, bits left over, half a pair, 8 bits.
    '"&AGE-"',
    '"&ACY-"',
    '"&AOR-"',
    '"&AOQ=-"',
    '"&2D0-"',
    '"&AOQ-&AOQ-"',
    '"&A-"',
    '"&AOQ/-"',
    '"&--"',
    '"\u007f"',
    `"${'x'.repeat(256)}"`,
    `"${'a/'.repeat(17)}a"`,
    '"Other Users"',
    '"Other Users/"',
    '"Other Users/mary@example.org"',
    '"Other Users/../Trash"',
    '"Shared Folders/nobody"',
    '"inbox"',
    '"INBOX/../../a"',
  ]) {
    const [answer] = await ask(client, `b CREATE ${name}`)
    if (name === '"&--"') assert.match(answer!, /^b OK/)
    else if (!/\.\./.test(name)) assert.match(answer!, /^b (NO|BAD) /, `${name} ${answer}`)
    for (const line of ['SELECT', 'STATUS', 'DELETE'])
      assert.match(
        (await ask(client, `c ${line} ${name}${line === 'STATUS' ? ' (MESSAGES)' : ''}`)).at(-1)!,
        name.toLowerCase() === '"inbox"' || answer!.startsWith('b OK') ? /^c / : /^c (NO|BAD) /,
        `${line} ${name}`,
      )
    await ask(client, 'd UNSELECT')
  }
  // Dots are letters like others: what was made of them was made inside, and is gone again.
  const after = await ask(client, 'a LIST "" *')
  assert.deepEqual(
    after.filter((line) => !before.includes(line) && !/INBOX/.test(line)),
    [],
  )
})

test('data before the server asks for it, and lines that begin in the middle of it', async () => {
  await using server = await ImapTestServer.start()
  const client = server.connect()
  await client.expect('* OK')
  // Strings and an answer of SASL that come without waiting.
  client.sendRaw(
    'a LOGIN {16}\r\nfred@example.org {6}\r\nsecret\r\nb APPEND INBOX {4}\r\nx: y\r\nc IDLE\r\nDONE\r\nd NOOP\r\n',
  )
  await client.expectLines(['+ OK', '+ OK', 'a OK', '+ OK', 'b OK', '+ idling', 'c OK', 'd OK'])
  // What is refused is not read: the rest is commands, and wrong ones.
  client.sendRaw('e APPEND Nowhere {10}\r\nf NOOP\r\ng\r\n')
  await client.expectLines(['e NO [TRYCREATE]', 'f OK', 'g BAD'])
  const answer = Buffer.from('\0fred@example.org\0secret').toString('base64')
  const other = server.connect()
  other.sendRaw(`a AUTHENTICATE PLAIN\r\n${answer}\r\nb NOOP\r\n`)
  await other.expectLines(['* OK', '+ ', 'a OK', 'b OK'])
})

test('an account has only so many sessions, which end with the connection and with UNAUTHENTICATE', async () => {
  await using server = await ImapTestServer.start({ maxConcurrent: 2 })
  await server.add(8, 'mary@example.org')
  const first = await server.signedIn()
  const second = await server.signedIn()
  const third = server.connect()
  await third.expect('* OK')
  const refused = 'NO [LIMIT] Too many connections of this account'
  await ask(third, 'a LOGIN fred@example.org secret', [`a ${refused}`])
  await ask(third, 'b SELECT INBOX', ['b BAD Sign in first'])
  await server.signedIn('mary@example.org')
  await ask(second, 'c UNAUTHENTICATE')
  await third.ask('d LOGIN fred@example.org secret', 'd OK')
  await ask(second, 'e LOGIN fred@example.org secret', [`e ${refused}`])
  first.destroy()
  for (let i = 0; i < 5; i++) await new Promise(setImmediate)
  await second.ask('f LOGIN fred@example.org secret', 'f OK')
})

test('RFC 5198 §3: marks without end are not put in order all at once, in names, in searches and in messages', async () => {
  await using server = await ImapTestServer.start({ maxBadCommands: 100 })
  const marks = Buffer.from(`a${'\u0301'.repeat(1000)}${'\u0323'.repeat(1000)}`)
  // oxlint-disable-next-line typescript/unbound-method -- called with a text as `this` below
  const { normalize } = String.prototype
  let longest = 0
  mock.method(String.prototype, 'normalize', function (this: string, form: string) {
    for (const [run] of this.matchAll(/\p{M}+/gu)) longest = Math.max(longest, run.length)
    return normalize.call(this, form)
  })
  try {
    const body = `From: a@b\r\nSubject: ${marks.toString('latin1')}\r\n\r\n${marks.toString('latin1')}\r\n`
    await server.deliver(body)
    const client = await server.selected()
    for (const command of ['CREATE', 'STATUS', 'LIST ""', 'SETACL INBOX', 'SEARCH SUBJECT', 'SEARCH BODY']) {
      const behind = command === 'STATUS' ? ' (SIZE)' : command.startsWith('SETACL') ? ' lr' : ''
      client.sendRaw(
        Buffer.concat([
          Buffer.from(`a ${command} {${marks.length}+}\r\n`),
          marks,
          Buffer.from(`${behind}\r\n`),
        ]),
      )
      await client.until(/^a (OK|NO|BAD)/)
    }
    client.send('b SORT (SUBJECT FROM) UTF-8 TEXT a')
    await client.until(/^b OK/)
  } finally {
    mock.restoreAll()
  }
  assert.ok(longest > 0 && longest <= 128, `${longest} marks`)
})
