/**
 * The end of a message's data, for DATA and BDAT alike: the last checks, acceptance, the reply or replies.
 * Whatever happens, the transaction is over afterwards and nothing staged is left behind (RFC 5321 §4.1.1.4).
 */
import { localZoneMinutes } from '#base/clock.ts'
import { isFault } from '#base/fault.ts'
import { faultReply, mailboxFull } from '../errors.ts'
import { messageReceived, messageRejected, smtpError } from '../events.ts'
import { isPositive, type Reply, reply, replyText } from '../reply.ts'
import type { AcceptOutcome } from './accept.ts'
import { serverAccount } from './chunk.ts'
import type { Outgoing } from './accepted-message.ts'
import type { Intake, StagedMessage } from './intake.ts'
import type { SmtpSession } from './smtp-command.ts'
import { type Judgement, verifiedMessage } from './stages/verified-message.ts'
import { tellVerdict } from './tell-verdict.ts'
import type { Verdict } from '#mailauth/message-verifier.ts'
import { dataStages } from './stages/data-stages.ts'
import type { Refusal } from './stages/stage.ts'
import type { ReportAnalysis } from '#report/incoming.ts'
import { makeTrace, protocolName, type TraceFacts } from './trace.ts'
import { withAddedFields } from '#message/added-fields.ts'
import type { Transaction } from './transaction.ts'

/** Never rejects for what a client or a disk does; consumes the intake. */
export async function receiveMessage(
  session: SmtpSession,
  transaction: Transaction,
  intake: Intake,
  hasBareLineEnd: boolean,
): Promise<Reply> {
  try {
    const message = await intake.finish()
    const { authorRefusal } = transaction
    if (authorRefusal !== undefined) return refuse(session, transaction, intake, authorRefusal)
    for (const stage of dataStages) {
      const refusal = stage(session, { ...message, hasBareLineEnd })
      if (refusal !== undefined) return refuse(session, transaction, intake, refusal)
    }
    const verdict = await verify(session, transaction)
    const judged = verdict && { verdict, ...verifiedMessage(session.limits.checks, verdict) }
    const incoming = recognised(session, transaction, message, verdict)
    const answer =
      judged?.refusal === undefined
        ? await accept(session, transaction, message, judged, incoming)
        : refuse(session, transaction, intake, judged.refusal)
    // Two servers would report about each other's reports for ever.
    const isCounted = incoming === undefined && !isTemporary(answer)
    if (judged !== undefined && isCounted) report(session, transaction, judged, answer)
    return answer
  } catch (error) {
    if (!isFault(error)) throw error
    if (error.code === 'unavailable') session.emit(smtpError, { error })
    const refusal = { reply: faultReply(error, 'data'), reason: error.message }
    return refuse(session, transaction, intake, refusal)
  } finally {
    void intake.abort()
    session.finishMessage()
  }
}

/** One that is tried again is counted when it comes again. */
const isTemporary = (answer: Reply): boolean => answer[0] === 0x34

/** What was found out, and what follows from it. */
type Judged = Judgement & { readonly verdict: Verdict }

function report(
  { deps }: SmtpSession,
  { verification }: Transaction,
  { verdict, applied }: Judged,
  answer: Reply,
): void {
  const { origin, header } = verification!
  const isTaken = isPositive(answer)
  deps.reports.record({ verdict, origin, applied, isTaken, header, receivedAt: deps.clock.now() })
}

/** Tells what was found out; undefined where nothing was to be. */
async function verify(session: SmtpSession, { verification }: Transaction): Promise<Verdict | undefined> {
  const verdict = await verification?.verdict()
  if (verdict !== undefined) tellVerdict(session, verdict)
  return verdict
}

function refuse(session: SmtpSession, transaction: Transaction, intake: Intake, refusal: Refusal): Reply {
  session.emit(messageRejected, {
    stage: 'data',
    from: transaction.envelope.from.address,
    to: transaction.recipients.map((recipient) => recipient.address),
    reason: refusal.reason,
    reply: replyText(refusal.reply),
    size: intake.sizeBytes,
  })
  return session.role === 'lmtp' ? repeat(refusal.reply, transaction.recipients.length) : refusal.reply
}

/** RFC 2033 §4.2: one reply for each successful RCPT. */
const repeat = (answer: Reply, times: number): Reply => Buffer.concat(Array<Reply>(times).fill(answer))

/** Recipients that the log names of one message. */
const mostTold = 20

async function accept(
  session: SmtpSession,
  transaction: Transaction,
  message: StagedMessage,
  judged: Judged | undefined,
  incoming: ReportAnalysis | undefined,
): Promise<Reply> {
  const { recipients, envelope, vouching } = transaction
  const verdict = judged?.verdict
  const facts = traceFacts(session, transaction, verdict)
  const trace = makeTrace(facts, message.structure)
  const structure = withAddedFields(trace.added, message.structure)
  const signatures = (await vouching?.fields({ added: trace.added, verdict })) ?? ''
  const outcomes = await session.deps.acceptor.accept(
    {
      id: facts.id,
      staged: message.staged,
      structure,
      envelopeFrom: envelope.from.address,
      receivedAt: facts.atMs,
      trace,
      report: incoming,
      isJunk: judged !== undefined && judged.applied !== 'none',
      outgoing: outgoingFacts(session, transaction, message, signatures),
    },
    recipients,
    session.role === 'lmtp' ? 'each' : 'together',
  )
  const delivered = recipients.filter((_, i) => outcomes[i]!.kind === 'delivered')
  if (delivered.length > 0) {
    session.emit(messageReceived, {
      id: facts.id,
      from: envelope.from.address,
      to: delivered.slice(0, mostTold).map(({ address }) => address),
      recipients: delivered.length,
      size: message.structure.sizeBytes,
      helo: facts.helo!,
      tls: facts.tls?.version,
      account: session.access?.name,
      messageId: structure.messageIds[0],
    })
  }
  const accepted = reply(250, '2.0.0', `Message accepted, id ${facts.id}`)
  const answers = outcomes.map((outcome, i) => {
    const answer = outcomeReply(outcome, accepted)
    if (outcome.kind !== 'delivered' && (session.role === 'lmtp' || i === 0)) {
      reportOutcome(session, transaction, i, outcome, answer)
    }
    return answer
  })
  return session.role === 'lmtp' ? Buffer.concat(answers) : answers[0]!
}

/** A report of another server, for those who run this one. */
function recognised(
  { deps, access }: SmtpSession,
  { recipients }: Transaction,
  { staged, structure }: StagedMessage,
  verdict: Verdict | undefined,
): ReportAnalysis | undefined {
  if (access !== undefined) return undefined
  const to = recipients.map(({ address }) => address)
  const dmarc = verdict?.dmarc?.result ?? ''
  const receivedAt = deps.clock.now()
  return deps.incomingReports.recognise(to, structure, { blob: staged.hash, receivedAt, dmarc })
}

function outgoingFacts(
  { access }: SmtpSession,
  { envelope }: Transaction,
  { first8bit, structure }: StagedMessage,
  signatures: string,
): Outgoing {
  const { ret, envelopeId, heldUntil, hold, by } = envelope
  return {
    account: access?.account ?? serverAccount,
    is8bit: first8bit !== undefined,
    // RFC 6531 §3.2: addresses are looked at when they are named.
    needsUtf8: envelope.isUtf8 && first8bit !== undefined && first8bit < structure.root.bodyStart,
    heldUntil,
    signatures,
    ...(ret === undefined ? {} : { ret }),
    ...(envelopeId === undefined ? {} : { envelopeId }),
    ...(by === undefined ? {} : { by }),
    ...(hold === undefined ? {} : { hold }),
  }
}

function outcomeReply(outcome: AcceptOutcome, accepted: Reply): Reply {
  if (outcome.kind === 'delivered') return accepted
  return outcome.kind === 'overQuota' ? mailboxFull : faultReply(outcome.fault, 'data')
}

function reportOutcome(
  session: SmtpSession,
  transaction: Transaction,
  index: number,
  outcome: Exclude<AcceptOutcome, { kind: 'delivered' }>,
  answer: Reply,
): void {
  const { recipients } = transaction
  const concerned = session.role === 'lmtp' ? [recipients[index]!] : recipients
  session.emit(messageRejected, {
    stage: 'delivery',
    from: transaction.envelope.from.address,
    to: concerned.map((recipient) => recipient.address),
    reason: outcome.kind === 'overQuota' ? 'over quota' : outcome.fault.message,
    reply: replyText(answer),
  })
}

function traceFacts(
  session: SmtpSession,
  { envelope, recipients, verification }: Transaction,
  verdict: Verdict | undefined,
): TraceFacts {
  const { connection, deps, hello, limits } = session
  const atMs = deps.clock.now()
  const tls = connection.tls
  return {
    helo: hello!.name,
    ip: connection.peer.ip,
    by: deps.hostname(),
    protocol: protocolName({
      isLmtp: session.role === 'lmtp',
      isExtended: hello!.isExtended,
      isUtf8: envelope.isUtf8,
      isTls: tls !== undefined,
      isSignedIn: session.access !== undefined,
    }),
    tls,
    id: session.messageId,
    recipient: recipients.length === 1 ? recipients[0]!.address : undefined,
    atMs,
    zoneMinutes: localZoneMinutes(atMs),
    envelopeFrom: envelope.from.address,
    deliveredTo: limits.addDeliveredTo,
    findings:
      verdict === undefined
        ? ''
        : verification!.fields(verdict, {
            authResults: limits.addAuthResults,
            receivedSpf: limits.addReceivedSpf,
            utf8: envelope.isUtf8,
          }),
    newMessageId: session.role === 'submission' ? `${session.messageId}@${deps.hostname()}` : undefined,
  }
}
