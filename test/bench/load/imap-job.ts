/**
 * One IMAP operation, over and over, on each of some connections. All of them work as the last account, in a
 * mailbox that `prepareFill` makes, or in mailboxes made anew for each job.
 */
import { accountName, type Target } from '../target.ts'
import { ImapClient } from './imap-client.ts'
import {
  type ClearJob,
  type FillJob,
  type IdleJob,
  type ImapJob,
  type JobResult,
  type PreparedJob,
  repeat,
  Tally,
} from './job.ts'
import { type Operation, operations, type Session, type Surroundings } from './imap-operations.ts'
import { mailboxMessage } from './messages.ts'
import { Random } from '../../harness/random.ts'
import { Timings } from './timings.ts'
import { sharedReadBuffer } from './wire.ts'

/** Messages that go with one APPEND (MULTIAPPEND, RFC 3502), and so with one sync. */
const filledAtOnce = 200
/** Connections opened at the same time; more would run into a server's backlog. */
const openAtOnce = 20

export const mailboxOf = (messages: number): string => `bench-${messages}`

function surroundings(target: Target, messages: number, isCold = false): Surroundings {
  const shared = sharedReadBuffer()
  const user = accountName(target, target.accounts)
  const connect = async () => {
    if (target.imap === undefined) throw new Error('the target has no imap=')
    return ImapClient.open(target.imap, false, shared)
  }
  const signIn = async () => {
    const client = await connect()
    await client.login(user, target.password)
    return client
  }
  const { password } = target
  return { mailbox: mailboxOf(messages), messages, isCold, connect, signIn, user, password }
}

export async function prepareImap(job: ImapJob): Promise<PreparedJob> {
  const operation: Operation | undefined = operations[job.operation]
  if (operation === undefined) throw new Error(`no operation "${job.operation}"`)
  const around = surroundings(job.target, job.messages, job.cold)
  if (job.cold) return prepareCold(operation, around)
  const setup = await around.signIn()
  await operation.prepare?.(setup, around)
  setup.close()
  const sessions: Session[] = []
  for (let at = 0; at < job.connections; at++)
    sessions.push(await operation.open(around, new Random(at + 1), at))
  const run = async (): Promise<JobResult> => {
    const tally = new Tally(new Timings())
    const steps = sessions.map((session) => async () => {
      const startedAt = performance.now()
      return (await session.step()) ?? performance.now() - startedAt
    })
    await repeat(tally, steps, job.seconds)
    const found = sessions[0]?.found
    return tally.result(found === undefined ? {} : { found })
  }
  const release = async () => {
    for (const session of sessions) session.close()
    await deleteMade(around)
  }
  return { run, release }
}

/** So that no row measures what copies another one has left: messages that lie in dozens of mailboxes. */
async function deleteMade(around: Surroundings): Promise<void> {
  const client = await around.signIn()
  const listed = await client.ask('LIST "" bench-%')
  for (const [, name] of listed.matchAll(/ "?(bench-[a-z]+\d*)"?\r\n/g))
    await client.command(`DELETE ${name}`)
  client.close()
}

/** Before the clock starts somebody signs in, since checking a password may be made to cost; no more is asked. */
async function prepareCold(operation: Operation, given: Surroundings): Promise<PreparedJob> {
  const client = await given.signIn()
  const around: Surroundings = { ...given, signIn: () => Promise.resolve(client) }
  let session: Session | undefined
  const run = async (): Promise<JobResult> => {
    const tally = new Tally(new Timings())
    const step = async () => {
      const startedAt = performance.now()
      session = await operation.open(around, new Random(1), 0)
      await session.step()
      return performance.now() - startedAt
    }
    await repeat(tally, [step], 0)
    return tally.result()
  }
  return { run, release: async () => session?.close() }
}

function flagsOf(number: number): string {
  const random = new Random(number)
  const flags = [
    random.chance(0.7) ? '\\Seen' : '',
    random.chance(0.05) ? '\\Flagged' : '',
    random.chance(0.15) ? '\\Answered' : '',
  ]
  return `(${flags.filter(Boolean).join(' ')})`
}

export async function prepareFill(job: FillJob): Promise<PreparedJob> {
  const { messages } = job
  const around = surroundings(job.target, messages)
  const client = await around.signIn()
  const run = async (): Promise<JobResult> => {
    const tally = new Tally(new Timings())
    const status = await client.ask(`STATUS ${around.mailbox} (MESSAGES)`).catch(() => '')
    if (status.includes(`MESSAGES ${messages})`)) return tally.result()
    await client.command(`DELETE ${around.mailbox}`).catch(() => '')
    await client.command(`CREATE ${around.mailbox}`)
    for (let first = 1; first <= messages; first += filledAtOnce) {
      const count = Math.min(filledAtOnce, messages - first + 1)
      const batch = Array.from({ length: count }, (_, at) => first + at)
      await client.append(
        around.mailbox,
        batch.map((number) => [flagsOf(number), mailboxMessage(number)] as const),
      )
      for (let i = 0; i < count; i++) tally.done(0)
    }
    return tally.result()
  }
  return { run, release: async () => client.close() }
}

export async function prepareIdle(job: IdleJob): Promise<PreparedJob> {
  const { target, secure } = job
  const endpoint = secure ? target.imaps : target.imap
  if (endpoint === undefined) throw new Error(`the target has no ${secure ? 'imaps' : 'imap'}=`)
  const shared = sharedReadBuffer()
  const clients: ImapClient[] = []
  const run = async (): Promise<JobResult> => {
    const tally = new Tally(new Timings())
    let next = 0
    const open = async () => {
      while (next < job.connections) {
        const number = 1 + (next++ % target.accounts)
        const startedAt = performance.now()
        const client = await ImapClient.open(endpoint, secure, shared)
        clients.push(client)
        await client.login(accountName(target, number), target.password)
        await client.command('SELECT INBOX')
        await client.idle()
        tally.done(performance.now() - startedAt)
      }
    }
    await Promise.all(Array.from({ length: openAtOnce }, open))
    return tally.result()
  }
  return { run, release: async () => clients.forEach((client) => client.close()) }
}

export async function prepareClear(job: ClearJob): Promise<PreparedJob> {
  const { target } = job
  const shared = sharedReadBuffer()
  const run = async (): Promise<JobResult> => {
    const tally = new Tally(new Timings())
    for (let number = 1; number <= target.accounts; number++) {
      const client = await ImapClient.open(target.imap!, false, shared)
      await client.login(accountName(target, number), target.password)
      const selected = await client.ask('SELECT INBOX')
      if (!/\* 0 EXISTS/i.test(selected)) {
        await client.command('STORE 1:* +FLAGS.SILENT (\\Deleted)')
        await client.command('EXPUNGE')
      }
      await client.command('LOGOUT')
      client.close()
      tally.done(0)
    }
    return tally.result()
  }
  return { run, release: async () => {} }
}
