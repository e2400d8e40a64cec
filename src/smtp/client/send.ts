/**
 * One message over a session (RFC 5321 §3.3): MAIL, RCPT and the message in as few round trips as the server
 * allows, and what it says to each.
 *
 * What must always hold: an answer to one command is never taken for that of another; after any failure the
 * session is either at the beginning of a transaction again or gone; a recipient is `delivered` only after the
 * server's positive answer to the whole message.
 */
import {
  type Job,
  type OutboundMessage,
  type PassedOn,
  unreadable,
  UnreadableMessage,
} from '#queue/transport.ts'
import { ConnectionTrouble, isYes } from './client-connection.ts'
import { DotStuffing } from './dot-stuffing.ts'
import { mailCommand, mailStep, rcptCommand, rcptStep, whyNot } from './envelope-commands.ts'
import { replyText, type ServerReply } from './reply-reader.ts'
import type { ClientSession } from './session.ts'

export interface SendTimeouts {
  readonly mailMs: number
  readonly rcptMs: number
  /** RFC 5321 §4.5.3.2.4 and §4.5.3.2.5. */
  readonly dataMs: number
  readonly blockMs: number
  readonly finalMs: number
}

export type Verdict =
  | ({
      readonly kind: 'delivered'
      readonly step: string
      readonly said: string
      /** What was said to the recipient. */
      readonly rcptSaid?: string
    } & PassedOn)
  | {
      readonly kind: 'delayed' | 'failed'
      readonly step: string
      readonly said: string
      readonly status: string
      /** RFC 5321 §3.8: the server ends the session. */
      readonly closing?: true
      /** It went away before it said whether it has the message. */
      readonly mayHaveIt?: true
    }

/**
 * Once the end of a message was sent, the server has it, whatever we hear: when this server stops, the answer is
 * awaited so long, since the message would be sent again otherwise.
 */
const lingerMs = 6000

/** One verdict for each recipient of the job, in their order. `now` in milliseconds. Throws ConnectionTrouble. */
export async function sendMessage(
  session: ClientSession,
  job: Job,
  timeouts: SendTimeouts,
  now: number,
): Promise<readonly Verdict[]> {
  const impossible = whyNot(session.offers, job, now)
  if (impossible !== undefined)
    return job.recipients.map(() => ({ kind: 'failed', step: 'EHLO', ...impossible }))
  session.messages++
  const { accepted, verdicts, go } = await envelope(session, job, timeouts, now)
  if (accepted.length === 0) {
    await beginAnew(session, verdicts as readonly Verdict[], go, timeouts)
    return verdicts as readonly Verdict[]
  }
  const outcomes = await content(session, job, { accepted: accepted.length, go }, timeouts)
  for (const [i, { n, rcptSaid }] of accepted.entries()) {
    const outcome = outcomes[i] ?? outcomes[0]!
    verdicts[n] = outcome.kind === 'delivered' ? { ...outcome, rcptSaid } : outcome
  }
  return verdicts as readonly Verdict[]
}

/**
 * MAIL and all RCPTs, and DATA along with them where it can be. `verdicts` has those of the recipients that were
 * refused, `go` the answer to DATA.
 */
async function envelope(
  session: ClientSession,
  job: Job,
  timeouts: SendTimeouts,
  now: number,
): Promise<{
  accepted: readonly { readonly n: number; readonly rcptSaid: string }[]
  verdicts: (Verdict | undefined)[]
  go: ServerReply | undefined
}> {
  const { connection, offers } = session
  const isPipelined = offers.has('PIPELINING')
  // RFC 2920 §3.1: as the last of a group.
  const data = isPipelined && !offers.has('CHUNKING') ? ['DATA'] : []
  const mail = mailCommand(offers, job, now)
  const rcpts = job.recipients.map((recipient) => rcptCommand(offers, job, recipient, now))
  const verdicts = new Array<Verdict | undefined>(rcpts.length)
  connection.send(...(isPipelined ? [mail, ...rcpts, ...data] : [mail]))
  const mailReply = await connection.reply(mailStep(job), timeouts.mailMs)
  if (!isYes(mailReply, mailStep(job))) {
    // The answers to what was sent along still come, and mean nothing.
    const rest = isPipelined ? rcpts.length + data.length : 0
    const go = await passOver(session, rest, timeouts)
    return { accepted: [], verdicts: verdicts.fill(refusal(mailStep(job), mailReply)), go }
  }
  const accepted: { n: number; rcptSaid: string }[] = []
  for (const [i, rcpt] of rcpts.entries()) {
    const step = rcptStep(job.recipients[i]!)
    if (!isPipelined) connection.send(rcpt)
    const reply = await connection.reply(step, timeouts.rcptMs)
    if (isYes(reply, step)) accepted.push({ n: i, rcptSaid: replyText(reply) })
    else verdicts[i] = refusal(step, reply)
  }
  const go = data.length > 0 ? await connection.reply('DATA', timeouts.dataMs) : undefined
  return { accepted, verdicts, go }
}

/** Returns the last one. */
async function passOver(
  { connection }: ClientSession,
  replies: number,
  timeouts: SendTimeouts,
): Promise<ServerReply | undefined> {
  let last: ServerReply | undefined
  try {
    for (let i = 0; i < replies; i++) last = await connection.reply('MAIL', timeouts.rcptMs)
    return last
  } catch (error) {
    // What was said before it went away holds all the same.
    if (!(error instanceof ConnectionTrouble)) throw error
    connection.destroy()
    return undefined
  }
}

/**
 * Verdicts of the recipients that were accepted: one for all, or with LMTP one for each. From here on the
 * server may have the message: trouble is a verdict, so that nobody tries another server.
 */
async function content(
  session: ClientSession,
  job: Job,
  { accepted, go }: { readonly accepted: number; readonly go: ServerReply | undefined },
  timeouts: SendTimeouts,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = []
  const replies = session.protocol === 'lmtp' ? accepted : 1
  try {
    const step = session.offers.has('CHUNKING')
      ? await sendChunk(session, job, timeouts)
      : await sendData(session, job, go, timeouts)
    if (typeof step !== 'string') return [step]
    while (verdicts.length < replies) verdicts.push(await answer(session, step, timeouts))
  } catch (error) {
    const verdict = interrupted(session, error)
    // Without the end of the message, as the server has to know that this was not all.
    session.connection.destroy()
    while (verdicts.length < replies) verdicts.push(verdict)
  }
  return verdicts
}

async function answer(session: ClientSession, step: string, timeouts: SendTimeouts): Promise<Verdict> {
  const reply = await session.connection.reply(step, timeouts.finalMs, lingerMs)
  const { offers } = session
  const passedOn = { passedOn: offers.has('DSN'), byPassedOn: offers.has('DELIVERBY') }
  return isYes(reply, step)
    ? { kind: 'delivered', step, said: replyText(reply), ...passedOn }
    : refusal(step, reply)
}

/** A server that has had enough may say so and close before it has all. */
function interrupted(session: ClientSession, error: unknown): Verdict {
  if (error instanceof UnreadableMessage) return { ...unreadable, closing: true }
  if (!(error instanceof ConnectionTrouble)) throw error
  const { step, message } = error
  const said = session.connection.buffered()
  if (said !== undefined && said.code >= 400) return { ...refusal(step, said), closing: true } as Verdict
  return { kind: 'delayed', step, status: '4.4.2', said: message, closing: true, mayHaveIt: true }
}

/** The name of the step whose answer is awaited, or why it did not come to it. `answered`: to DATA already. */
async function sendData(
  session: ClientSession,
  job: Job,
  answered: ServerReply | undefined,
  timeouts: SendTimeouts,
): Promise<string | Verdict> {
  const go = answered ?? (await session.ask('DATA', 'DATA', timeouts.dataMs))
  if (!isYes(go, 'DATA', 3)) {
    const verdict = refusal('DATA', go)
    await beginAnew(session, [verdict], undefined, timeouts)
    return verdict
  }
  const step = 'end of data'
  await writeAll(session, stuffed(job.message), step, timeouts)
  return step
}

/** RFC 3030 §2: the whole message as one chunk, without a round trip before it. */
async function sendChunk(session: ClientSession, job: Job, timeouts: SendTimeouts): Promise<string> {
  const step = 'BDAT'
  await writeAll(session, chunk(job.message), step, timeouts)
  return step
}

async function* stuffed(message: OutboundMessage): AsyncGenerator<Uint8Array> {
  const stuffing = new DotStuffing()
  for await (const piece of message.read()) yield stuffing.piece(piece)
  yield stuffing.end()
}

async function* chunk(message: OutboundMessage): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`BDAT ${message.sizeBytes} LAST\r\n`)
  yield* message.read()
}

/** What is smaller is gathered: a small message is one packet, and one call of the system. */
const leastWritten = 16 * 1024

/** Only the last bytes are what the server waits for: from then on it has the message. */
async function writeAll(
  { connection }: ClientSession,
  pieces: AsyncIterable<Uint8Array>,
  step: string,
  { blockMs }: SendTimeouts,
): Promise<void> {
  let gathered: Uint8Array[] = []
  let size = 0
  for await (const piece of pieces) {
    if (size >= leastWritten) {
      await connection.write(joined(gathered), step, blockMs)
      gathered = []
      size = 0
    }
    gathered.push(piece)
    size += piece.length
  }
  connection.expectQuiet(step)
  await connection.write(joined(gathered), step, blockMs, lingerMs)
}

const joined = (pieces: readonly Uint8Array[]): Uint8Array =>
  pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)

/** After refusals: for the next message the server is at the beginning of a transaction, or it is left. */
async function beginAnew(
  session: ClientSession,
  verdicts: readonly Verdict[],
  go: ServerReply | undefined,
  timeouts: SendTimeouts,
): Promise<void> {
  const { connection } = session
  const isClosing = verdicts.some((verdict) => verdict.kind !== 'delivered' && verdict.closing === true)
  if (isClosing || !connection.isOpen) return
  // RFC 2920 §3.1: DATA was taken although nobody is to get it, so the message has to end before it begins.
  const isData = go !== undefined && go.code < 400
  const step = isData ? 'end of data' : 'RSET'
  try {
    const reply = await session.ask(isData ? '.' : 'RSET', step, isData ? timeouts.finalMs : timeouts.mailMs)
    if (!isData && !isYes(reply, step)) connection.destroy()
  } catch (error) {
    // What was said before holds all the same.
    if (!(error instanceof ConnectionTrouble)) throw error
    connection.destroy()
  }
}

/** A reply that is no acceptance. */
export function refusal(step: string, reply: ServerReply): Verdict {
  const isLasting = reply.code >= 500
  const status = reply.enhanced ?? (isLasting ? '5.0.0' : '4.0.0')
  // A code of RFC 3463 that contradicts the reply's own is not believed.
  const agrees = status.startsWith(isLasting ? '5' : '4')
  return {
    kind: isLasting ? 'failed' : 'delayed',
    step,
    said: replyText(reply),
    status: agrees ? status : isLasting ? '5.0.0' : '4.0.0',
    ...(reply.code === 421 ? { closing: true } : {}),
  }
}
