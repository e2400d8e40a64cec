import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Job, type RecipientResult, type Relay, UnreadableMessage } from '#queue/transport.ts'
import { jobFor, ScriptedServer, type Script, toDomain, transportTo, type Zone } from './fixture.test.ts'

const never = new AbortController().signal
const bob = 'bob@remote.example'
const here: Zone = {
  'MX remote.example': [{ preference: 10, exchange: 'mx.remote.example' }],
  'A mx.remote.example': [{ ip: '127.0.0.1' }],
}

const brief = (results: readonly RecipientResult[]): readonly string[] =>
  results.map((result) =>
    result.kind === 'delivered'
      ? `delivered${result.passedOn ? ' passed on' : ''}`
      : `${result.kind} ${result.status}${result.unreachable === true ? ' unreachable' : ''}`,
  )

/** One job to one server that follows the script. */
async function deliver(script: Script, job: Job = jobFor(toDomain('remote.example'), [bob]), config = '') {
  await using server = await ScriptedServer.start(script)
  using transport = transportTo(here, `MtaConnectionStrategy.port = ${server.port}\n${config}`)
  const results = await transport.deliver(job, never)
  return { server, results, brief: brief(results), commands: server.sessions[0] ?? [] }
}

test('a message goes with few words, byte for byte, and the server gets what it offers to take', async () => {
  const { server, brief, commands, results } = await deliver({
    offers: ['PIPELINING', 'SIZE 1000000', '8BITMIME'],
  })
  const [only] = results
  assert.ok(only?.kind === 'delivered')
  assert.match(only.rcptSaid ?? '', /^250 /)
  assert.deepEqual(brief, ['delivered'])
  assert.deepEqual(commands, [
    'EHLO mail.example.org',
    'MAIL FROM:<alice@example.org> SIZE=26',
    `RCPT TO:<${bob}>`,
    'DATA',
  ])
  assert.deepEqual(server.messages, ['Subject: hello\r\n\r\n..hello\r\n'])
  const { attempt } = results[0]!
  assert.deepEqual(
    [attempt.host, attempt.ip, attempt.said],
    ['mx.remote.example', '127.0.0.1', '250 2.0.0 taken'],
  )
})

test('CHUNKING: one chunk, no dots', async () => {
  const { server, commands } = await deliver({ offers: ['PIPELINING', 'CHUNKING'] })
  assert.equal(commands.at(-1), 'BDAT 26 LAST')
  assert.deepEqual(server.messages, ['Subject: hello\r\n\r\n.hello\r\n'])
})

test('DSN goes along where the next server has it', async () => {
  const job = jobFor(
    toDomain('remote.example'),
    [
      { address: bob, notify: ['success', 'failure'], originalRecipient: 'rfc822;Bob+1@x' },
      { address: 'carol@remote.example', notify: [] },
    ],
    { ret: 'headers', envelopeId: 'a=b' },
  )
  const { brief, commands } = await deliver({ offers: ['PIPELINING', 'DSN'] }, job)
  assert.deepEqual(brief, ['delivered passed on', 'delivered passed on'])
  assert.deepEqual(commands.slice(1, 4), [
    'MAIL FROM:<alice@example.org> RET=HDRS ENVID=a+3Db',
    `RCPT TO:<${bob}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2B1@x`,
    'RCPT TO:<carol@remote.example> NOTIFY=NEVER ORCPT=rfc822;carol@remote.example',
  ])
  assert.deepEqual((await deliver({}, job)).commands.slice(1, 3), [
    'MAIL FROM:<alice@example.org>',
    `RCPT TO:<${bob}>`,
  ])
})

test('RFC 6533 §3: an original recipient of the type utf-8 is of ASCII where the transaction is', async () => {
  const offers = ['PIPELINING', 'DSN', 'SMTPUTF8']
  const to = (address: string) => [{ address, originalRecipient: 'utf-8;j\u00f6rg\\x{2B}1@x' }]
  const inAscii = await deliver({ offers }, jobFor(toDomain('remote.example'), to(bob)))
  assert.equal(inAscii.commands[2], `RCPT TO:<${bob}> ORCPT=utf-8;j\\x{F6}rg\\x{2B}1@x`)
  const inUtf8 = await deliver({ offers }, jobFor(toDomain('remote.example'), to('j\u00f6rg@remote.example')))
  assert.equal(
    Buffer.from(inUtf8.commands[2]!, 'latin1').toString('utf8'),
    'RCPT TO:<jörg@remote.example> ORCPT=utf-8;jörg\\x{2B}1@x',
  )
})

test('each recipient has its own answer, with and without PIPELINING', async () => {
  const to = ['good@remote.example', 'bad@remote.example', 'slow@remote.example', 'odd@remote.example']
  for (const offers of [['PIPELINING'], []]) {
    const { brief, server } = await deliver(
      {
        offers,
        answers: {
          'RCPT TO:<bad': '550 5.1.1 no such user',
          'RCPT TO:<slow': '450-4.2.1 greylisted\n450 4.2.1 come back',
          'RCPT TO:<odd': '550 4.9.9 codes that differ',
        },
      },
      jobFor(toDomain('remote.example'), to),
    )
    assert.deepEqual(brief, ['delivered', 'failed 5.1.1', 'delayed 4.2.1', 'failed 5.0.0'])
    assert.equal(server.messages.length, 1)
  }
})

test('where nobody is accepted nothing is sent, and the session is good for another message', async () => {
  for (const [offers, said, last] of [
    [['PIPELINING'], '503 5.5.1 no recipients', 'RSET'],
    [['PIPELINING', 'CHUNKING'], undefined, 'RSET'],
    [[], undefined, 'RSET'],
    // RFC 2920 §3.1: DATA may be taken all the same; then it has to end.
    [['PIPELINING'], undefined, 'DATA'],
  ] as const) {
    const answers: Record<string, string> = { 'RCPT TO:<bad': '550 5.1.1 no' }
    if (said !== undefined) answers['DATA'] = said
    await using server = await ScriptedServer.start({ offers, answers })
    using transport = transportTo(here, `MtaConnectionStrategy.port = ${server.port}`)
    const first = await transport.deliver(jobFor(toDomain('remote.example'), ['bad@remote.example']), never)
    assert.deepEqual(brief(first), ['failed 5.1.1'])
    assert.equal(server.sessions[0]!.at(-1), last)
    assert.deepEqual(server.messages, last === 'DATA' ? [''] : [])
    delete answers['DATA']
    const second = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
    assert.deepEqual(brief(second), ['delivered'])
    assert.equal(server.sessions.length, 1)
    assert.match(server.messages.at(-1)!, /^Subject: hello/)
  }
})

const refusals: readonly [string, Script, readonly string[]][] = [
  ['MAIL refused for good', { answers: { MAIL: '550 5.7.1 not you' } }, ['failed 5.7.1']],
  [
    'MAIL refused for good, pipelined',
    { offers: ['PIPELINING'], answers: { MAIL: '550 5.7.1 not you' } },
    ['failed 5.7.1'],
  ],
  ['MAIL refused for now', { answers: { MAIL: '451 4.3.0 later' } }, ['delayed 4.3.0']],
  ['DATA refused', { answers: { DATA: '554 5.6.0 no' } }, ['failed 5.6.0']],
  ['the message refused', { final: ['550 5.7.1 spam'] }, ['failed 5.7.1']],
  ['the message refused for now', { final: ['421 4.3.2 closing'] }, ['delayed 4.3.2']],
  ['a greeting that refuses', { greeting: '554 5.7.1 go away' }, ['delayed 4.7.1 unreachable']],
  ['a greeting without codes', { greeting: '421 busy' }, ['delayed 4.0.0 unreachable']],
  ['no SMTP at all', { greeting: 'SSH-2.0-OpenSSH' }, ['delayed 4.4.1 unreachable']],
  ['a greeting without end', { greeting: `220-${'x'.repeat(5000)}` }, ['delayed 4.4.1 unreachable']],
  ['lines without end', { greeting: Array(500).fill('220-x').join('\n') }, ['delayed 4.4.1 unreachable']],
  ['codes of one reply that differ', { answers: { EHLO: '250-x\n550 y' } }, ['delayed 4.4.1 unreachable']],
  ['closed at EHLO', { answers: { EHLO: 'end' } }, ['delayed 4.4.1 unreachable']],
  ['closed at MAIL', { answers: { MAIL: 'end' } }, ['delayed 4.4.2 unreachable']],
  ['closed at DATA', { answers: { DATA: 'end' } }, ['delayed 4.4.2']],
  ['too large', { offers: ['SIZE 10'] }, ['failed 5.3.4']],
  ['our own name', { answers: { EHLO: '250 mail.example.org' } }, ['failed 5.4.6']],
]
for (const [what, script, expected] of refusals) {
  test(`${what}: ${expected[0]}`, async () => assert.deepEqual((await deliver(script)).brief, expected))
}

test('a server that knows no EHLO is greeted with HELO', async () => {
  const { brief, commands } = await deliver({ answers: { EHLO: '502 what?' } })
  assert.deepEqual(brief, ['delivered'])
  assert.deepEqual(commands.slice(0, 2), ['EHLO mail.example.org', 'HELO mail.example.org'])
})

test('8-bit and UTF-8 go only where they are taken', async () => {
  const text = 'Subject: caf\xc3\xa9\r\n\r\n'
  const job = (o: object) => jobFor(toDomain('remote.example'), [bob], { text, is8bit: true, ...o })
  assert.deepEqual((await deliver({}, job({}))).brief, ['failed 5.6.3'])
  const eight = await deliver({ offers: ['8BITMIME'] }, job({}))
  assert.deepEqual(
    [eight.brief, eight.commands[1]],
    [['delivered'], 'MAIL FROM:<alice@example.org> BODY=8BITMIME'],
  )
  assert.deepEqual((await deliver({ offers: ['8BITMIME'] }, job({ needsUtf8: true }))).brief, [
    'failed 5.6.7',
  ])
  const utf8 = await deliver({ offers: ['8BITMIME', 'SMTPUTF8'] }, job({ needsUtf8: true }))
  assert.equal(utf8.commands[1], 'MAIL FROM:<alice@example.org> BODY=8BITMIME SMTPUTF8')
  const named = jobFor(toDomain('remote.example'), ['jürgen@remote.example'])
  assert.deepEqual((await deliver({ offers: ['8BITMIME'] }, named)).brief, ['failed 5.6.7'])
})

test('a server that stalls is left in time, at each step', async () => {
  const config = 'greeting ehlo mailFrom rcptTo data'
    .split(' ')
    .map((step) => `MtaConnectionStrategy.${step}Timeout = "1s"`)
    .join('\n')
  const steps = await Promise.all(
    ['EHLO', 'MAIL', 'RCPT', 'DATA'].map(
      async (step) => (await deliver({ answers: { [step]: 'silence' } }, undefined, config)).results[0]!,
    ),
  )
  for (const result of steps) {
    assert.equal(result.kind, 'delayed')
    assert.match(result.attempt.said, /did not answer in time/)
  }
})

test('TLS: used where it is offered, and what it is worth is written down', async () => {
  const { brief, results, commands } = await deliver({ offers: ['STARTTLS'], tls: 'good' })
  assert.deepEqual(brief, ['delivered'])
  assert.match(results[0]!.attempt.tls!, /^TLSv1\.3 TLS_\w+ not verified: /)
  assert.deepEqual(commands.slice(0, 3), ['EHLO mail.example.org', 'STARTTLS', 'EHLO mail.example.org'])
})

test('TLS that does not work is done without, once it is known; where it is required nothing goes', async () => {
  const { brief, server } = await deliver({ offers: ['STARTTLS'], tls: 'broken' })
  assert.deepEqual(brief, ['delivered'])
  assert.deepEqual(
    server.sessions.map((commands) => commands.includes('STARTTLS')),
    [true, false],
  )
  const strict = 'MtaConnectionStrategy.startTls = "require"'
  assert.deepEqual((await deliver({ offers: ['STARTTLS'], tls: 'broken' }, undefined, strict)).brief, [
    'delayed 4.4.1 unreachable',
  ])
  assert.deepEqual((await deliver({}, undefined, strict)).brief, ['delayed 4.4.1 unreachable'])
})

test('a second message goes over the same connection', async () => {
  await using server = await ScriptedServer.start({ offers: ['PIPELINING'] })
  using transport = transportTo(here, `MtaConnectionStrategy.port = ${server.port}`)
  for (let i = 0; i < 3; i++) {
    const results = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
    assert.deepEqual(brief(results), ['delivered'])
  }
  assert.equal(server.sessions.length, 1)
  assert.equal(server.messages.length, 3)
})

test('a connection that ended while it waited costs nothing but another', async () => {
  const first = await ScriptedServer.start()
  const { port } = first
  using transport = transportTo(here, `MtaConnectionStrategy.port = ${port}\n`)
  await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
  await first[Symbol.asyncDispose]()
  const results = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
  assert.deepEqual(brief(results), ['delayed 4.4.1 unreachable'])
  assert.equal(results[0]!.attempt.said, 'connection refused')
})

test('MX records: by preference, the next where one does not answer, its words where none does', async () => {
  await using good = await ScriptedServer.start({}, '127.0.0.2')
  const zone: Zone = {
    'MX remote.example': [
      { preference: 20, exchange: 'second.example.' },
      { preference: 10, exchange: 'first.example.' },
    ],
    'A first.example': [{ ip: '127.0.0.1' }],
    'A second.example': [{ ip: '127.0.0.2' }],
  }
  using transport = transportTo(zone, `MtaConnectionStrategy.port = ${good.port}`)
  const results = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
  assert.equal(results[0]!.attempt.host, 'second.example')
})

test('a message that a server may have is given to no other', async () => {
  await using second = await ScriptedServer.start({}, '127.0.0.2')
  const zone: Zone = {
    'MX remote.example': [
      { preference: 10, exchange: 'first.example' },
      { preference: 20, exchange: 'second.example' },
    ],
    'A first.example': [{ ip: '127.0.0.1' }],
    'A second.example': [{ ip: '127.0.0.2' }],
  }
  const { createServer } = await import('node:net')
  const first = createServer((socket) => {
    socket.on('error', () => {})
    socket.write('220 first\r\n')
    socket.on('data', (piece) => {
      const text = piece.toString()
      if (text.includes('\r\n.\r\n')) socket.destroy()
      else if (text.startsWith('DATA')) socket.write('354 go\r\n')
      else socket.write('250 ok\r\n')
    })
  }).listen(second.port, '127.0.0.1')
  using transport = transportTo(zone, `MtaConnectionStrategy.port = ${second.port}`)
  const results = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
  first.close()
  assert.deepEqual(brief(results), ['delayed 4.4.2'])
  assert.deepEqual(second.messages, [])
})

const zones: readonly [string, Zone, readonly string[]][] = [
  ['no such domain', {}, ['failed 5.1.2']],
  ['null MX', { 'MX remote.example': [{ preference: 0, exchange: '.' }] }, ['failed 5.1.10']],
  ['the DNS fails', { 'MX remote.example': 'fail' }, ['delayed 4.4.3 unreachable']],
  ['neither MX nor address', { 'TXT remote.example': [{}] }, ['failed 5.4.4']],
  [
    'only addresses in MX',
    { 'MX remote.example': [{ preference: 0, exchange: '192.0.2.1' }] },
    ['failed 5.4.4'],
  ],
  [
    'we are the best ourselves',
    {
      'MX remote.example': [
        { preference: 5, exchange: 'mail.example.org' },
        { preference: 10, exchange: 'x.example' },
      ],
    },
    ['failed 5.4.6'],
  ],
  [
    'no address',
    { 'MX remote.example': [{ preference: 5, exchange: 'x.example' }], 'TXT x.example': [{}] },
    ['failed 5.4.4'],
  ],
  [
    'one without address, one unknown for now',
    {
      'MX remote.example': [
        { preference: 5, exchange: 'x.example' },
        { preference: 1, exchange: 'y.example' },
      ],
      'TXT x.example': [{}],
      'A y.example': 'fail',
    },
    ['delayed 4.4.3 unreachable'],
  ],
]
for (const [what, zone, expected] of zones) {
  test(`${what}: ${expected[0]}`, async () => {
    using transport = transportTo(zone)
    assert.deepEqual(
      brief(await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)),
      expected,
    )
  })
}

test('MX records that name this server: only those before it are tried', async () => {
  for (const own of ['mail.example.org', 'OUT.example.org']) {
    await using worse = await ScriptedServer.start({}, '127.0.0.2')
    const zone: Zone = {
      'MX remote.example': [
        { preference: 30, exchange: 'worse.example' },
        { preference: 20, exchange: own },
        { preference: 20, exchange: 'same.example' },
        { preference: 10, exchange: 'better.example' },
      ],
      'A better.example': [{ ip: '127.0.0.3' }],
      'A same.example': [{ ip: '127.0.0.2' }],
      'A worse.example': [{ ip: '127.0.0.2' }],
      [`A ${own}`]: [{ ip: '127.0.0.2' }],
    }
    const config = `MtaConnectionStrategy.port = ${worse.port}\nMtaConnectionStrategy.ehloHostname = "out.example.org"`
    using transport = transportTo(zone, config)
    const job = jobFor(toDomain('remote.example'), [bob])
    assert.deepEqual(brief(await transport.deliver(job, never)), ['delayed 4.4.1 unreachable'])
    assert.equal(worse.sessions.length, 0)
    await using better = await ScriptedServer.start({}, '127.0.0.3', worse.port)
    assert.deepEqual(brief(await transport.deliver(job, never)), ['delivered'])
    assert.equal(better.messages.length, 1)
  }
})

test('this server under a name that it does not know: what is before it may take the message later', async () => {
  await using own = await ScriptedServer.start({ answers: { EHLO: '250 mail.example.org' } }, '127.0.0.2')
  const zone: Zone = {
    'MX remote.example': [
      { preference: 20, exchange: 'alias.example' },
      { preference: 10, exchange: 'better.example' },
    ],
    'A better.example': [{ ip: '127.0.0.3' }],
    'A alias.example': [{ ip: '127.0.0.2' }],
  }
  using transport = transportTo(zone, `MtaConnectionStrategy.port = ${own.port}`)
  const results = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
  assert.deepEqual(brief(results), ['delayed 4.4.1 unreachable'])
  assert.equal(results[0]!.attempt.host, 'better.example')
})

test('addresses go out as they were written, whatever stands in quotes', async () => {
  const addresses = [
    '"john doe"@remote.example',
    String.raw`"a\"b\\c"@remote.example`,
    '">"@remote.example',
    '"..@x"@remote.example',
    'jürgen@remote.example',
    '"Jürgen 陳"@remote.example',
    'bob@bücher.example',
  ]
  const utf8 = (text: string): string => Buffer.from(text).toString('latin1')
  for (const offers of [['SMTPUTF8'], ['SMTPUTF8', 'PIPELINING', 'DSN']]) {
    const { commands, brief } = await deliver({ offers }, jobFor(toDomain('remote.example'), addresses))
    assert.deepEqual(
      brief.map((one) => one.split(' ')[0]),
      addresses.map(() => 'delivered'),
    )
    assert.deepEqual(
      commands.filter((line) => line.startsWith('RCPT')),
      addresses.map((address) => utf8(`RCPT TO:<${address}>`)),
    )
  }
})

test('without MX the domain itself is the server, IPv6 first', async () => {
  await using server = await ScriptedServer.start({}, '::1')
  const zone: Zone = { 'AAAA remote.example': [{ ip: '::1' }], 'A remote.example': [{ ip: '127.0.0.1' }] }
  using transport = transportTo(zone, `MtaConnectionStrategy.port = ${server.port}`)
  const results = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
  assert.deepEqual([brief(results), results[0]!.attempt.ip], [['delivered'], '::1'])
})

const relay = (port: number, more: Partial<Relay> = {}): Job['destination'] => ({
  key: 'relay out',
  route: {
    kind: 'relay',
    name: 'out',
    address: '127.0.0.1',
    port,
    protocol: 'smtp',
    implicitTls: false,
    allowInvalidCerts: true,
    ...more,
  },
})

test('a relay: sign-in under TLS only, TLS from the start, LMTP with an answer for each', async () => {
  const credentials = { username: 'us', secret: () => 'swordfish' }
  await using clear = await ScriptedServer.start({ offers: ['AUTH PLAIN'] })
  using transport = transportTo({})
  const refused = await transport.deliver(jobFor(relay(clear.port, credentials), [bob]), never)
  assert.match(refused[0]!.attempt.said, /no TLS, and a password may not go without/)
  assert.ok(!clear.sessions.flat().some((line) => line.startsWith('AUTH')))

  await using implicit = await ScriptedServer.start({ offers: ['AUTH PLAIN LOGIN'], implicitTls: true })
  const job = jobFor(relay(implicit.port, { ...credentials, implicitTls: true }), [bob])
  assert.deepEqual(brief(await transport.deliver(job, never)), ['delivered'])
  assert.equal(implicit.sessions[0]![1], `AUTH PLAIN ${Buffer.from('\0us\0swordfish').toString('base64')}`)

  const judged = jobFor(
    relay(implicit.port, { ...credentials, implicitTls: true, allowInvalidCerts: false, name: 'strict' }),
    [bob],
    {
      id: 'q2',
    },
  )
  const strict = { ...judged, destination: { ...judged.destination, key: 'relay strict' } }
  assert.match((await transport.deliver(strict, never))[0]!.attempt.said, /the certificate is not good/)

  await using lmtp = await ScriptedServer.start({ final: ['250 2.1.5 ok', '452 4.2.2 full'] })
  const both = jobFor(relay(lmtp.port, { protocol: 'lmtp' }), [bob, 'carol@remote.example'])
  const toStore = { ...both, destination: { ...both.destination, key: 'relay store' } }
  assert.deepEqual(brief(await transport.deliver(toStore, never)), ['delivered', 'delayed 4.2.2'])
  assert.equal(lmtp.sessions[0]![0], 'LHLO mail.example.org')
})

test('an address cannot become a command', async () => {
  const job = jobFor(toDomain('remote.example'), ['bob@remote.example>\r\nRSET\r\n<x'])
  await assert.rejects(deliver({}, job), /line end/)
})

test('a message that cannot be read to its end is taken by nobody, and no other refusal is forgotten', async () => {
  for (const offers of [[], ['CHUNKING', 'PIPELINING']]) {
    const job = jobFor(toDomain('remote.example'), ['no@remote.example', bob])
    const broken = {
      ...job.message,
      async *read() {
        yield Buffer.from('Subject: half\r\n\r\n')
        throw new UnreadableMessage('damaged')
      },
    }
    const answers = { 'RCPT TO:<no': '550 5.1.1 not here' }
    const { brief, server, commands, results } = await deliver(
      { offers, answers },
      { ...job, message: broken },
    )
    assert.deepEqual(brief, ['failed 5.1.1', 'delayed 4.3.0'])
    assert.match(results[1]!.attempt.said, /^this server cannot read the message/)
    assert.deepEqual(server.messages, [])
    assert.ok(!commands.includes('QUIT'))
  }
})

test('a refusal holds though the server goes away after it', async () => {
  const refusing: readonly Record<string, string>[] = [
    { RCPT: '550 5.1.1 no', RSET: 'end' },
    { DATA: '554 5.7.1 no', RSET: 'end' },
  ]
  for (const answers of refusing) {
    const expected = 'RCPT' in answers ? 'failed 5.1.1' : 'failed 5.7.1'
    assert.deepEqual((await deliver({ answers })).brief, [expected])
  }
})

test('when all is to end, the answer to a whole message is awaited, and to nothing else', async () => {
  for (const offers of [[], ['CHUNKING']]) {
    const stop = new AbortController()
    await using server = await ScriptedServer.start({
      offers,
      beforeFinal: () => stop.abort(new Error('over')),
    })
    using transport = transportTo(here, `MtaConnectionStrategy.port = ${server.port}`)
    const job = jobFor(toDomain('remote.example'), [bob])
    assert.deepEqual(brief(await transport.deliver(job, stop.signal)), ['delivered'])
  }
  const late = new AbortController()
  await using server = await ScriptedServer.start({
    answers: { MAIL: 'silence' },
    onCommand: (line) => {
      if (line.startsWith('MAIL')) late.abort(new Error('over'))
    },
  })
  using transport = transportTo(here, `MtaConnectionStrategy.port = ${server.port}`)
  await assert.rejects(transport.deliver(jobFor(toDomain('remote.example'), [bob]), late.signal), /over/)
})

test('RFC 5321 §4.2.4.1: who goes away before it answers to a message may have it, and before that has not', async () => {
  const mayHaveIt = (result: RecipientResult | undefined) => result?.kind === 'delayed' && result.mayHaveIt
  for (const offers of [[], ['PIPELINING', 'CHUNKING']]) {
    const held: { server?: ScriptedServer } = {}
    await using server = await ScriptedServer.start({
      offers,
      final: [],
      beforeFinal: () => held.server?.hangUp(),
    })
    held.server = server
    using transport = transportTo(here, `MtaConnectionStrategy.port = ${server.port}`)
    const results = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
    assert.deepEqual([brief(results), mayHaveIt(results[0])], [['delayed 4.4.2'], true])
  }
  const { results } = await deliver({ answers: { RCPT: 'end' } })
  assert.equal(mayHaveIt(results[0]) ?? false, false)
})

test('RFC 5321 §3.8: a server that has said that it closes is not asked for another message over the same connection', async () => {
  await using server = await ScriptedServer.start({ final: ['250 2.0.0 taken'] })
  using transport = transportTo(here, `MtaConnectionStrategy.port = ${server.port}`)
  await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
  server.say('421 4.4.2 idle for too long')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const results = await transport.deliver(jobFor(toDomain('remote.example'), [bob]), never)
  assert.deepEqual([brief(results), server.sessions.length], [['delivered'], 2])
})
