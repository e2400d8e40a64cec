/** MAIL (RFC 5321 §4.1.1.2); what its parameters mean is in `envelope.ts`. */
import type { Maybe } from '#base/maybe.ts'
import { messageRejected } from '../../events.ts'
import { type Parameter, parseParameters } from '../../parameters.ts'
import { parsePath, type Path } from '#message/path.ts'
import { type Reply, reply, replyText } from '../../reply.ts'
import { readEnvelope } from '../envelope.ts'
import { everywhere, smtpCommand, type SmtpSession } from '../smtp-command.ts'
import { mailStages } from '../stages/mail-stages.ts'
import { firstRefusal, type Refusal } from '../stages/stage.ts'
import { verifiedSender } from '../stages/verified-sender.ts'
import type { Envelope } from '../transaction.ts'

const accepted = reply(250, '2.1.0', 'Sender ok')
const nested = reply(503, '5.5.1', 'A transaction is open already, send RSET first')

interface MailArguments {
  readonly from: Path
  readonly parameters: readonly Parameter[]
}

export const mail = smtpCommand<MailArguments>({
  verb: 'MAIL',
  standard: 'RFC 5321 §4.1.1.2',
  roles: everywhere,
  need: 'hello',
  needsSignIn: true,
  operation: 'mail',
  syntaxReply: reply(501, '5.1.7', 'Syntax: MAIL FROM:<address>'),
  parse(argument) {
    if (!argument.takeWord('from:')) argument.fail('expected FROM:')
    return { from: parsePath(argument, 'reverse'), parameters: parseParameters(argument) }
  },
  run(session, { from, parameters }) {
    if (session.transaction !== undefined) return nested
    const envelope = readEnvelope(from, parameters, {
      isSubmission: session.isSubmission,
      nowMs: session.deps.clock.now(),
      maxHoldMs: session.limits.maxHoldMs,
    })
    if (Buffer.isBuffer(envelope)) return envelope
    const refusal = firstRefusal(mailStages, session, envelope)
    return refusal instanceof Promise
      ? refusal.then((found) => conclude(session, envelope, found))
      : conclude(session, envelope, refusal)
  },
})

function conclude(session: SmtpSession, envelope: Envelope, refusal: Refusal | undefined): Maybe<Reply> {
  if (refusal !== undefined) return refuse(session, envelope, refusal)
  session.begin(envelope)
  const { verification } = session.transaction!
  const found = verification && verifiedSender(session, verification)
  if (found === undefined) return accepted
  return found.then((late) => {
    if (late === undefined) return accepted
    session.reset()
    return refuse(session, envelope, late)
  })
}

function refuse(session: SmtpSession, envelope: Envelope, refusal: Refusal): Reply {
  const { reason } = refusal
  session.emit(messageRejected, {
    stage: 'mail',
    from: envelope.from.address,
    reason,
    reply: replyText(refusal.reply),
  })
  return refusal.reply
}
