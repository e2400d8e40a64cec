/**
 * Servers that do not speak as they should: whatever they say, there is one result for each recipient, nothing is
 * `delivered` that the server does not have whole, and nobody speaks to them any longer than needed.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RecipientResult } from '#queue/transport.ts'
import { jobFor, ScriptedServer, type Script, toDomain, transportTo, type Zone } from './fixture.test.ts'

const never = new AbortController().signal
const bob = 'bob@remote.example'
const zone: Zone = {
  'MX remote.example': [{ preference: 10, exchange: 'mx.remote.example' }],
  'A mx.remote.example': [{ ip: '127.0.0.1' }],
}
const short = ['greeting', 'ehlo', 'mailFrom', 'rcptTo', 'data', 'tls']
  .map((step) => `MtaConnectionStrategy.${step}Timeout = "1s"\n`)
  .join('')

const brief = (results: readonly RecipientResult[]): string =>
  results.map((one) => (one.kind === 'delivered' ? one.kind : `${one.kind} ${one.status}`)).join()

const toBob = () => jobFor(toDomain('remote.example'), [bob])

/** Answers to commands, what becomes of the message, and words of the reason. */
const scripts: readonly (readonly [what: string, Script, expected: string, said?: RegExp])[] = [
  // RFC 5321 §4.2: what is not known means what its first digit says.
  ['a greeting with another code that means yes', { greeting: '250 hello' }, 'delivered'],
  ['another yes to MAIL', { answers: { MAIL: '200 yes' } }, 'delivered'],
  ['another yes to RCPT', { answers: { RCPT: '259 yes' } }, 'delivered'],
  ['another yes to the message', { final: ['200 yes'] }, 'delivered'],
  ['another no to RCPT', { answers: { RCPT: '599 no' } }, 'failed 5.0.0'],
  ['354 as a greeting', { greeting: '354 go on' }, 'delayed 4.4.1', /out of step.*354/],
  ['354 to EHLO', { answers: { EHLO: '354 go on' } }, 'delayed 4.4.1', /out of step/],
  ['354 to STARTTLS', { offers: ['STARTTLS'], answers: { STARTTLS: '354 go on' } }, 'delayed 4.4.1', /step/],
  ['354 to MAIL', { answers: { MAIL: '354 go on' } }, 'delayed 4.4.2', /out of step.*354/],
  [
    '354 to MAIL, pipelined',
    { offers: ['PIPELINING'], answers: { MAIL: '354 go on' } },
    'delayed 4.4.2',
    /out of step/,
  ],
  ['354 to RCPT', { answers: { RCPT: '354 go on' } }, 'delayed 4.4.2', /out of step/],
  ['250 to DATA', { answers: { DATA: '250 fine' } }, 'delayed 4.4.2', /out of step.*250 fine/],
  [
    '250 to DATA, pipelined',
    { offers: ['PIPELINING'], answers: { DATA: '250 fine' } },
    'delayed 4.4.2',
    /out of step/,
  ],
  ['354 to a whole message', { final: ['354 more'] }, 'delayed 4.4.2', /out of step/],
  ['354 to a whole chunk', { offers: ['CHUNKING'], final: ['354 more'] }, 'delayed 4.4.2', /out of step/],
  ['354 to RSET', { answers: { RCPT: '550 5.1.1 no', RSET: '354 go on' } }, 'failed 5.1.1'],
  ['RSET refused', { answers: { RCPT: '550 5.1.1 no', RSET: '550 no' } }, 'failed 5.1.1'],
  ['99', { answers: { MAIL: '99 red balloons' } }, 'delayed 4.4.2', /does not speak SMTP/],
  ['600', { answers: { RCPT: '600 no' } }, 'delayed 4.4.2', /does not speak SMTP/],
  ['600 to a message', { final: ['600 no'] }, 'delayed 4.4.2', /does not speak SMTP/],
  ['four digits', { answers: { MAIL: '2500 ok' } }, 'delayed 4.4.2', /does not speak SMTP/],
  ['no digits', { answers: { MAIL: 'two-fifty' } }, 'delayed 4.4.2', /does not speak SMTP/],
  ['nothing but a line end', { answers: { MAIL: '' } }, 'delayed 4.4.2', /does not speak SMTP/],
  ['a code alone', { answers: { MAIL: '250', RCPT: '250 ' } }, 'delivered'],
  ['a line too long', { answers: { RCPT: `550 ${'x'.repeat(3000)}` } }, 'delayed 4.4.2', /line too long/],
  [
    'lines without end to EHLO',
    { answers: { EHLO: Array(300).fill('250-x').join('\n') } },
    'delayed 4.4.1',
    /reply too long/,
  ],
  [
    'codes that differ',
    { answers: { RCPT: '250-yes\n550 no' } },
    'delayed 4.4.2',
    /codes of one reply differ/,
  ],
  // What is said before it was asked is no answer.
  ['two greetings', { greeting: '220 hello\n220 hello' }, 'delayed 4.4.1', /before it was asked/],
  ['two answers to EHLO', { answers: { EHLO: '250 x\n250 x' } }, 'delayed 4.4.2', /before it was asked/],
  ['two answers to MAIL', { answers: { MAIL: '250 x\n250 x' } }, 'delayed 4.4.2', /before it was asked/],
  [
    'a no before RCPT',
    { answers: { MAIL: '250 x\n550 5.1.1 no' } },
    'delayed 4.4.2',
    /asked: 550 5\.1\.1 no/,
  ],
  [
    'an answer to DATA before it',
    { answers: { RCPT: '250 x\n354 go' } },
    'delayed 4.4.2',
    /before it was asked/,
  ],
  [
    'an answer before the message',
    { answers: { DATA: '354 go\n250 taken' } },
    'delayed 4.4.2',
    /before it was asked/,
  ],
  [
    'an answer before the chunk',
    { offers: ['CHUNKING'], answers: { RCPT: '250 x\n250 taken' } },
    'delayed 4.4.2',
    /before it was asked/,
  ],
  ['a no before the message', { answers: { DATA: '354 go\n552 5.3.4 too large' } }, 'failed 5.3.4', /552/],
  ['an end that is announced', { answers: { RCPT: '250 x\n421 4.3.2 closing' } }, 'delayed 4.3.2', /421/],
  ['an answer after the last one', { final: ['250 taken\n250 taken'] }, 'delivered'],
  [
    'MAIL refused, and nothing more',
    { offers: ['PIPELINING'], answers: { MAIL: '550 5.7.1 no', RCPT: 'end' } },
    'failed 5.7.1',
  ],
  [
    'an end that is announced at MAIL',
    { answers: { MAIL: '421 4.3.2 no', RSET: 'silence' } },
    'delayed 4.3.2',
  ],
]
for (const [what, script, expected, said] of scripts) {
  test(`${what}: ${expected}`, async () => {
    await using server = await ScriptedServer.start(script)
    using transport = transportTo(zone, `MtaConnectionStrategy.port = ${server.port}`)
    const results = await transport.deliver(toBob(), never)
    assert.equal(brief(results), expected)
    if (said !== undefined) assert.match(results[0]!.attempt.said, said)
    if (expected !== 'delivered' && script.final === undefined) assert.deepEqual(server.messages, [])
    if (said === undefined && expected !== 'failed 5.1.1' && what !== 'an answer after the last one') return
    // What is out of step is not spoken to again.
    const [before = []] = server.sessions
    const spoken = before.length
    await transport.deliver(toBob(), never)
    assert.equal(server.sessions.length, 2)
    assert.ok(before.slice(spoken).every((line) => line === 'QUIT'))
  })
}

test('what comes in clear along with the answer to STARTTLS is no answer to anything', async () => {
  const script: Script = { offers: ['STARTTLS'], tls: 'good', injected: '250-evil.example\n250 SIZE 1' }
  await using server = await ScriptedServer.start(script)
  for (const mode of ['optional', 'require']) {
    const config = `MtaConnectionStrategy.port = ${server.port}\nMtaConnectionStrategy.startTls = "${mode}"`
    using transport = transportTo(zone, config)
    const [result] = await transport.deliver(toBob(), never)
    assert.equal(brief([result!]), 'delivered')
    assert.match(result!.attempt.tls!, /^TLSv1\.3/)
  }
})

/** A server that is nothing but a function of its connection. */
async function rawServer(serve: (socket: Socket, number: number) => void) {
  let count = 0
  let open = 0
  const server = createServer((socket) => {
    open++
    socket.on('error', () => {})
    socket.on('close', () => open--)
    serve(socket, ++count)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return open
    },
    /** Resolves when no connection is open. */
    async left() {
      while (open > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** Writes for ever, as fast as it is read. */
function talk(socket: Socket, text: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(text));
  }
  socket.on('drain', more)
  more()
}

const talkers: readonly (readonly [string, (socket: Socket) => void, RegExp])[] = [
  ['a greeting of lines without end', (socket) => talk(socket, '220-hello\r\n'.repeat(50)), /reply too long/],
  ['a line without end', (socket) => talk(socket, 'x'.repeat(1000)), /line too long/],
  [
    'a greeting a byte at a time',
    (socket) => {
      const timer = setInterval(() => socket.write('220-hello\r\n'), 50)
      socket.on('close', () => clearInterval(timer))
    },
    /did not answer in time/,
  ],
  [
    'answers without end in the middle of a message',
    (socket) => {
      socket.write('220 x\r\n')
      socket.on('data', (piece) => {
        if (!piece.toString().startsWith('DATA')) return void socket.write('250 x\r\n')
        socket.pause()
        talk(socket, '354 go\r\n'.repeat(500))
      })
    },
    /talks without end/,
  ],
]
for (const [what, serve, said] of talkers) {
  test(`${what}: left`, async () => {
    await using server = await rawServer(serve)
    using transport = transportTo(zone, `${short}MtaConnectionStrategy.port = ${server.port}`)
    const text = 'x'.repeat(1000).concat('\r\n').repeat(20_000)
    const [result] = await transport.deliver(jobFor(toDomain('remote.example'), [bob], { text }), never)
    assert.equal(result!.kind, 'delayed')
    assert.match(result!.attempt.said, said)
    await server.left()
  })
}

test('a server that reads no further in the middle of a message is left after the time for a block', async () => {
  let silent: Socket | undefined
  await using server = await rawServer((socket) => {
    socket.write('220 x\r\n')
    let isSilent = false
    socket.on('data', (piece) => {
      if (isSilent) return
      isSilent = piece.toString().startsWith('DATA')
      socket.write(isSilent ? '354 go\r\n' : '250 x\r\n')
      if (!isSilent) return
      silent = socket.pause()
    })
  })
  // The answer to the whole is awaited for ten minutes.
  const config = 'MtaConnectionStrategy.mailFromTimeout = "1s"\n'
  using transport = transportTo(zone, `${config}MtaConnectionStrategy.port = ${server.port}`)
  const text = 'x'.repeat(1000).concat('\r\n').repeat(20_000)
  const [result] = await transport.deliver(jobFor(toDomain('remote.example'), [bob], { text }), never)
  assert.equal(brief([result!]), 'delayed 4.4.2')
  assert.match(result!.attempt.said, /did not answer in time/)
  // To see that it was left it has to read.
  silent!.resume()
  await server.left()
})

test('QUIT is heard, and its answer too, but nobody waits for that', async () => {
  const heard: string[] = []
  const answered = Promise.withResolvers<void>()
  await using server = await rawServer((socket, number) => {
    let isData = false
    socket.write('220 x\r\n')
    socket.on('end', () => socket.end())
    socket.on('data', (piece) => {
      const text = piece.toString()
      heard.push(`${number} ${text.trim()}`)
      if (text.startsWith('QUIT')) return void answered.promise.then(() => socket.write('221 bye\r\n'))
      if (isData && !text.endsWith('\r\n.\r\n')) return
      isData = text === 'DATA\r\n'
      socket.write(isData ? '354 go\r\n' : '250 x\r\n')
    })
  })
  const config = `MtaConnectionStrategy.port = ${server.port}\nMtaConnectionStrategy.maxPerConnection = 1`
  using transport = transportTo(zone, config)
  for (let i = 0; i < 3; i++) assert.equal(brief(await transport.deliver(toBob(), never)), 'delivered')
  while (!heard.includes('3 QUIT')) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(server.open, 3)
  answered.resolve()
  await server.left()
})

const words = fc.constantFrom(
  '220 x',
  '250 x',
  '250-x\r\n250 SIZE 100000',
  '250-x\r\n250-PIPELINING\r\n250 CHUNKING',
  '250-x\r\n250 PIPELINING',
  '354 x',
  '421 x',
  '450 4.2.0 x',
  '550 5.1.1 x',
  '99 x',
)
const turns = fc.array(fc.array(words, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 8 })

test('whatever is said in whatever order, nothing is delivered that the server does not have', async () => {
  await fc.assert(
    fc.asyncProperty(turns, fc.boolean(), async (script, isSplit) => {
      let hasWhole = false
      await using server = await rawServer((socket, number) => {
        let turn = 0
        const say = (): void => {
          const replies = number === 1 ? script[turn++] : undefined
          if (replies === undefined) return void socket.destroy()
          for (const one of isSplit ? replies : [replies.join('\r\n')]) socket.write(`${one}\r\n`)
        }
        say()
        socket.on('data', (piece) => {
          if (/\r\n\.\r\n$|\.hello\r\n$/.test(piece.toString())) hasWhole = true
          say()
        })
      })
      using transport = transportTo(zone, `${short}MtaConnectionStrategy.port = ${server.port}`)
      const results = await transport.deliver(
        jobFor(toDomain('remote.example'), [bob, 'x@remote.example']),
        never,
      )
      assert.equal(results.length, 2)
      if (results.some(({ kind }) => kind === 'delivered')) assert.ok(hasWhole)
    }),
    { numRuns: 60 },
  )
})
