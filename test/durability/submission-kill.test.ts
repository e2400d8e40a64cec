/**
 * The server is killed at random moments while a user sends over JMAP and cancels some of it at once. What was
 * answered as created arrives unless it was canceled; of what was answered as canceled nobody gets anything, ever;
 * and in the end each submission says what other servers have (RFC 8621 §7).
 *
 * Faults that turn it red, each planted by hand and seen: `beginAttempt` left out (canceled, and
 * there); `cancelSubmission` that leaves the queue's rows (canceled, and there); `noteResult` left out (the
 * submission stays pending).
 *
 * POSTERN_KILL_ROUNDS: rounds for each number of workers, 6 by default.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { startDns } from '../harness/dns.ts'
import { Random } from '../harness/random.ts'
import { basicAuth, startServer, type TestServer } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { CountingSink } from './counting-sink.ts'
import { expectCleanCheck } from './inspect.ts'

const rounds = Number(process.env['POSTERN_KILL_ROUNDS'] ?? 6)
/** Submissions in each round at least: a kill of a server that did nothing shows nothing. */
const leastSent = 20
const name = 'alice@example.org'
const password = 'a-password-for-the-load'

/** By recipient: each is of one submission. */
interface Asked {
  /** Undefined where no answer came. */
  id?: string
  canceled?: 'yes' | 'no' | 'unknown'
}

type Ledger = Map<string, Asked>
type Answer = readonly [string, Readonly<Record<string, unknown>>, string]

// Side by side: they wait most of the time.
describe('what was sent over JMAP', { concurrency: true }, () => {
  for (const workers of [1, 2])
    it(`what was sent over JMAP is neither lost nor sent once canceled, over ${rounds} kills, workers: ${workers}`, () =>
      killAgainAndAgain(workers))
})

async function killAgainAndAgain(workers: number): Promise<void> {
  const random = new Random()
  const directory = temporaryDirectory()
  await using sink = await CountingSink.start(random)
  await using dns = await startDns({
    'a.example': { MX: ['10 mx.sink.example'] },
    'mx.sink.example': { A: ['127.0.0.1'] },
  })
  const config = `${dns.config}
[Http]
rateLimitAuthenticated = "off"
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
    await server.createAccount(name, password)
    await deliverDraft(server)
    const account = await accountOf(server)
    const ledger: Ledger = new Map()
    for (let round = 1; round <= rounds; round++) {
      await loadUntilKilled(server, account, ledger, { random, round })
      server = await start()
    }
    await untilNothingWaits(server, account)
    const wrong = await wrongWith(server, account, ledger, sink)
    assert.deepEqual(wrong, [], `seed ${random.seed}:\n${wrong.join('\n')}\n${server.process.output}`)
    const canceled = [...ledger.values()].filter((one) => one.canceled === 'yes').length
    await server.process.stop()
    await expectCleanCheck(join(directory, 'data'))
    assert.ok(
      canceled > 0 && ledger.size >= rounds * leastSent,
      `${canceled} of ${ledger.size} were canceled`,
    )
  } finally {
    await server.process.stop('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
}

/** By itself, so that there is an Email to be sent. */
async function deliverDraft(server: TestServer): Promise<void> {
  const smtp = await server.connect(server.smtpPort)
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
  await smtp.ask('MAIL FROM:<alice@example.org>', '250 ')
  await smtp.ask(`RCPT TO:<${name}>`, '250 ')
  await smtp.ask('DATA', '354 ')
  const header = `From: ${name}\r\nTo: x@a.example\r\nMessage-ID: <draft@example.org>`
  smtp.sendRaw(`${header}\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\n${'text\r\n'.repeat(50)}.\r\n`)
  await smtp.expect('250 ')
  smtp.destroy()
}

async function call(server: TestServer, method: string, args: object): Promise<Answer[1]> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/jmap/`, {
    method: 'POST',
    headers: { authorization: basicAuth(name, password), 'content-type': 'application/json' },
    body: JSON.stringify({
      using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail', 'urn:ietf:params:jmap:submission'],
      methodCalls: [[method, args, 'c']],
    }),
  })
  const { methodResponses } = (await response.json()) as { methodResponses: readonly Answer[] }
  const [got, result] = methodResponses[0]!
  assert.equal(got, method, JSON.stringify(result))
  return result
}

interface Account {
  readonly accountId: string
  readonly identityId: string
}

async function accountOf(server: TestServer): Promise<Account> {
  const headers = { authorization: basicAuth(name, password) }
  const session = await (await fetch(`http://127.0.0.1:${server.httpPort}/jmap/session`, { headers })).json()
  const { primaryAccounts } = session as { primaryAccounts: Record<string, string> }
  const accountId = primaryAccounts['urn:ietf:params:jmap:submission']!
  const { list } = await call(server, 'Identity/get', { accountId })
  return { accountId, identityId: (list as { id: string }[])[0]!.id }
}

async function loadUntilKilled(
  server: TestServer,
  account: Account,
  ledger: Ledger,
  { random, round }: { readonly random: Random; readonly round: number },
): Promise<void> {
  let sent = 0
  const senders = [0, 1, 2, 3].map(async (sender) => {
    for (let n = 0; ; n++) {
      await send(server, account, ledger, `r${round}-${sender}-${n}@a.example`, random)
      sent++
    }
  })
  const outcomes = Promise.allSettled(senders)
  await wait(300 + random.below(900))
  while (sent < leastSent) await Promise.race([...senders, wait(20)])
  await server.process.stop('SIGKILL')
  for (const outcome of await outcomes)
    if (outcome.status === 'rejected') assert.match(String(outcome.reason), /fetch failed|terminated|JSON/)
}

/** Some are canceled: at once, or a moment later; some are held, so that there is time for it. */
async function send(
  server: TestServer,
  { accountId, identityId }: Account,
  ledger: Ledger,
  recipient: string,
  random: Random,
): Promise<void> {
  const asked: Asked = {}
  ledger.set(recipient, asked)
  const parameters = random.chance(0.3) ? { HOLDFOR: '1' } : null
  const envelope = { mailFrom: { email: name, parameters }, rcptTo: [{ email: recipient }] }
  const create = { s: { identityId, emailId: 'M1', envelope } }
  const { created, notCreated } = await call(server, 'EmailSubmission/set', { accountId, create })
  assert.equal(notCreated, null, JSON.stringify(notCreated))
  const { id } = (created as Record<string, { id: string }>)['s']!
  asked.id = id
  if (!random.chance(0.5)) return
  if (random.chance(0.5)) await wait(random.below(20))
  asked.canceled = 'unknown'
  const update = { [id]: { undoStatus: 'canceled' } }
  const answer = await call(server, 'EmailSubmission/set', { accountId, update })
  asked.canceled = answer['notUpdated'] === null ? 'yes' : 'no'
}

/** What cannot be unsent any more, since an attempt before may have gone through, may wait all the same. */
async function untilNothingWaits(server: TestServer, account: Account): Promise<void> {
  for (let tries = 0; tries < 1800; tries++) {
    const told = await submissionsOf(server, account)
    const waits = [...told].some(([recipient, one]) => one.deliveryStatus[recipient]!.delivered === 'queued')
    if (!waits) return
    await wait(100)
  }
}

interface Told {
  readonly id: string
  readonly undoStatus: string
  readonly deliveryStatus: Readonly<Record<string, { readonly delivered: string }>>
}

/** By recipient. */
async function submissionsOf(server: TestServer, { accountId }: Account): Promise<ReadonlyMap<string, Told>> {
  const { ids } = await call(server, 'EmailSubmission/query', { accountId })
  const told = new Map<string, Told>()
  for (let at = 0; at < (ids as string[]).length; at += 200) {
    const page = (ids as string[]).slice(at, at + 200)
    const { list } = await call(server, 'EmailSubmission/get', { accountId, ids: page })
    for (const one of list as Told[]) told.set(Object.keys(one.deliveryStatus)[0]!, one)
  }
  return told
}

async function wrongWith(
  server: TestServer,
  account: Account,
  ledger: Ledger,
  sink: CountingSink,
): Promise<string[]> {
  const wrong: string[] = []
  const told = await submissionsOf(server, account)
  for (const [recipient, { id, canceled }] of ledger) {
    const has = sink.copies.has(recipient)
    const one = told.get(recipient)
    if (canceled === 'yes' && has) wrong.push(`${recipient}: canceled, and there`)
    if (id !== undefined && canceled === undefined && !has) wrong.push(`${recipient}: created and lost`)
    if (canceled === 'no' && !has) wrong.push(`${recipient}: could not be canceled, and is lost`)
    if (id !== undefined && one?.id !== id)
      wrong.push(`${recipient}: the submission is ${one?.id}, not ${id}`)
    if (one === undefined) continue
    const status = `${one.undoStatus} ${one.deliveryStatus[recipient]!.delivered}`
    const wanted = has ? 'final unknown' : 'canceled no'
    if (status !== wanted) wrong.push(`${recipient}: ${status} where it should be ${wanted}`)
  }
  return wrong
}
