/**
 * The server is killed at random moments while its users send mail to other servers, again and again on one
 * data directory; every third time it is stopped in order. What was acknowledged arrives, and nobody gets a
 * message twice, unless a kill came between the other server's answer and our record: then once more at most
 * for this kill, with the same Message-ID. That the record was there shows in the log, which is written after it.
 *
 * Faults that turn it red, each planted by hand and seen with one worker and with two: `recordResults` that keeps
 * some recipients that were delivered (twice in one life, and the queue does not end); `attempt` that does not wait
 * for the commit of its results (twice in one life); `lingerMs` of 0 in `smtp/client/send.ts` (again after a stop in
 * order); `enqueue` after the commit that accepts (acknowledged and lost); `removeIfDone` that does not depend on the
 * recipient that is left, so that two attempts each leave the message to the other (it stays in the queue).
 *
 * POSTERN_KILL_ROUNDS: rounds for each number of workers, 10 by default.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Conversation } from '../harness/conversation.ts'
import { startDns } from '../harness/dns.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { openTestStore, temporaryDirectory } from '../harness/store.ts'
import { dueTable, queuedMessageTable, queuedRecipientTable } from '#queue/tables.ts'
import { CountingSink } from './counting-sink.ts'
import { expectCleanCheck } from './inspect.ts'
import { Random } from '../harness/random.ts'

const rounds = Number(process.env['POSTERN_KILL_ROUNDS'] ?? 10)
/** Messages in each round at least: a kill of a server that did nothing shows nothing. */
const leastTaken = 11
const password = 'a-password-for-the-load'
const domains = ['a.example', 'b.example', 'c.example']

/** What was asked for, by recipient: each is named in one message only. */
interface Asked {
  readonly messageId: string
  answered: boolean
}

type Ledger = Map<string, Asked>

/** Recipients whose delivery a life of the server has logged, by life. */
type Logged = Map<string, number>

// Side by side: they wait most of the time.
describe('mail to others', { concurrency: true }, () => {
  for (const workers of [1, 2])
    it(`mail to others is neither lost nor sent twice over ${rounds} kills, workers: ${workers}`, () =>
      killAgainAndAgain(workers))
})

async function killAgainAndAgain(workers: number): Promise<void> {
  const random = new Random()
  const directory = temporaryDirectory()
  await using sink = await CountingSink.start(random)
  await using dns = await startDns({
    ...Object.fromEntries(domains.map((domain) => [domain, { MX: ['10 mx.sink.example'] }])),
    'mx.sink.example': { A: ['127.0.0.1'] },
  })
  const config = `${dns.config}
[MtaConnectionStrategy]
port = ${sink.port}
[MtaDeliverySchedule.remote]
retry = ["1s"]
[MtaOutboundStrategy]
maxRecipientsPerHour = 0
maxRecipientsPerDay = 0
`
  const start = async (): Promise<TestServer> => {
    sink.life++
    return startServer({ directory, workers, config })
  }
  let server = await start()
  try {
    await server.createAccount('alice@example.org', password)
    const ledger: Ledger = new Map()
    const logged: Logged = new Map()
    const stopped = new Set<number>()
    for (let round = 1; round <= rounds; round++) {
      const isOrderly = round % 3 === 0
      if (isOrderly) stopped.add(sink.life)
      await loadUntilEnd(server, ledger, { random, round, signal: isOrderly ? 'SIGTERM' : 'SIGKILL' })
      noteLogged(server.process.output, logged, sink.life)
      server = await start()
    }
    const left = await untilEmpty(server)
    await server.process.stop()
    noteLogged(server.process.output, logged, sink.life)
    const wrong = [...left, ...wrongWith(ledger, sink, logged, stopped)]
    assert.deepEqual(wrong, [], `seed ${random.seed}:\n${wrong.join('\n')}\n${server.process.output}`)
    const answered = [...ledger.values()].filter((one) => one.answered).length
    assert.ok(answered >= rounds * leastTaken, `only ${answered} recipients were taken`)
    assert.ok(sink.refusals > rounds, `only ${sink.refusals} refusals`)
    await expectEmptyQueue(join(directory, 'data'))
    await expectCleanCheck(join(directory, 'data'))
  } finally {
    await server.process.stop('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
}

interface LoadOptions {
  readonly random: Random
  readonly round: number
  readonly signal: 'SIGTERM' | 'SIGKILL'
}

async function loadUntilEnd(server: TestServer, ledger: Ledger, o: LoadOptions): Promise<void> {
  const sessions = await Promise.all([0, 1, 2, 3].map(() => signedIn(server)))
  let isOver = false
  let taken = 0
  const senders = sessions.map(async (smtp, i) => {
    for (let n = 0; !isOver; n++) {
      await submit(smtp, ledger, `${o.round}-${i}-${n}`, o.random)
      taken++
    }
  })
  await wait(150 + o.random.below(700))
  while (taken < leastTaken) await Promise.race([...senders, wait(20)])
  const ended = server.process.stop(o.signal)
  if (o.signal === 'SIGTERM') isOver = true
  const outcomes = await Promise.allSettled(senders)
  for (const session of sessions) session.destroy()
  await ended
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') assert.match(String(outcome.reason), /connection ended|421/)
}

async function signedIn(server: TestServer): Promise<Conversation> {
  const smtp = await server.connect(server.submissionsPort, { tls: true })
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
  await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0alice@example.org\0${password}`).toString('base64')}`, '235 ')
  return smtp
}

/** To one to four recipients, some of them at the same server. */
async function submit(smtp: Conversation, ledger: Ledger, name: string, random: Random): Promise<void> {
  const messageId = `<${name}@example.org>`
  const to = Array.from({ length: 1 + random.below(4) }, (_, n) => `r${name}-${n}@${random.pick(domains)}`)
  const asked = to.map((recipient) => {
    const one: Asked = { messageId, answered: false }
    ledger.set(recipient, one)
    return one
  })
  await smtp.ask('MAIL FROM:<alice@example.org>', '250 ')
  for (const recipient of to) await smtp.ask(`RCPT TO:<${recipient}>`, '250 ')
  await smtp.ask('DATA', '354 ')
  smtp.sendRaw(`Subject: load\r\nMessage-ID: ${messageId}\r\n\r\n${'text\r\n'.repeat(50)}.\r\n`)
  await smtp.expect('250 ')
  for (const one of asked) one.answered = true
}

function noteLogged(output: string, logged: Logged, life: number): void {
  for (const [, to = ''] of output.matchAll(/ queue\.delivered .*? to=(\S+)/g))
    for (const recipient of to.split(',')) if (!logged.has(recipient)) logged.set(recipient, life)
}

/** What was acknowledged, was not acknowledged but came in, or is sent again is on its way; then nothing is. */
async function untilEmpty(server: TestServer): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const metrics = await (await server.api('GET', '/metrics')).text()
    const waiting = /^queue_messages_total (\d+)$/m.exec(metrics)?.[1]
    if (waiting === '0') return []
    if (tries >= 3600) return [`${waiting} messages stay in the queue`]
    await wait(50)
  }
}

function wrongWith(
  ledger: Ledger,
  sink: CountingSink,
  logged: Logged,
  stopped: ReadonlySet<number>,
): string[] {
  const wrong: string[] = []
  for (const [recipient, { answered, messageId }] of ledger) {
    const copies = sink.copies.get(recipient) ?? []
    if (answered && copies.length === 0) wrong.push(`${recipient}: acknowledged and lost`)
    for (const [i, copy] of copies.entries()) {
      const before = copies[i - 1]
      if (copy.messageId !== messageId) wrong.push(`${recipient}: ${copy.messageId} is not ${messageId}`)
      if (before === undefined) continue
      if (before.life === copy.life) wrong.push(`${recipient}: twice in life ${copy.life}`)
      if (stopped.has(before.life))
        wrong.push(`${recipient}: again after the stop in order of ${before.life}`)
      if ((logged.get(recipient) ?? Infinity) < copy.life)
        wrong.push(`${recipient}: again in life ${copy.life} after it was logged in ${logged.get(recipient)}`)
    }
  }
  for (const recipient of sink.copies.keys())
    if (!ledger.has(recipient)) wrong.push(`${recipient}: nobody sent that`)
  return wrong
}

async function expectEmptyQueue(directory: string): Promise<void> {
  await using store = await openTestStore('lmdb', { directory })
  const rows = await store.db.read(async (tx) => [
    (await tx.list(queuedMessageTable, [])).length,
    (await tx.list(queuedRecipientTable, [])).length,
    (await tx.list(dueTable, [])).length,
  ])
  assert.deepEqual(rows, [0, 0, 0])
}
