/** MAIL (RFC 5321 §4.1.1.2) with SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531) and AUTH (RFC 4954 §5). */
import type { Maybe } from '#base/maybe.ts'
import { messageRejected } from '../../events.ts'
import { type Parameter, parseParameters } from '../../parameters.ts'
import { parsePath, type Path } from '../../path.ts'
import { type Reply, reply, replyText } from '../../reply.ts'
import { everywhere, smtpCommand, type SmtpSession } from '../smtp-command.ts'
import { mailStages } from '../stages/mail-stages.ts'
import { firstRefusal, type Refusal } from '../stages/stage.ts'
import type { Envelope } from '../transaction.ts'

const accepted = reply(250, '2.1.0', 'Sender ok')
const nested = reply(503, '5.5.1', 'A transaction is open already, send RSET first')
const unknownParameter = reply(555, '5.5.4', 'Parameter not supported')
const badParameter = reply(501, '5.5.4', 'Bad value of a parameter')
const needsUtf8 = reply(550, '5.6.7', 'Address is not ASCII, SMTPUTF8 is needed')

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
    const envelope = readEnvelope(from, parameters)
    if (Buffer.isBuffer(envelope)) return envelope
    const refusal = firstRefusal(mailStages, session, envelope)
    return refusal instanceof Promise
      ? refusal.then((found) => conclude(session, envelope, found))
      : conclude(session, envelope, refusal)
  },
})

function conclude(session: SmtpSession, envelope: Envelope, refusal: Refusal | undefined): Maybe<Reply> {
  if (refusal === undefined) {
    session.begin(envelope)
    return accepted
  }
  const { reason } = refusal
  session.emit(messageRejected, {
    stage: 'mail',
    from: envelope.from.address,
    reason,
    reply: replyText(refusal.reply),
  })
  return refusal.reply
}

function readEnvelope(from: Path, parameters: readonly Parameter[]): Envelope | Reply {
  let isUtf8 = false
  let declaredBytes = 0
  for (const { keyword, value } of parameters) {
    switch (keyword) {
      case 'SIZE': {
        // RFC 1870 §3: up to 20 digits.
        if (value === undefined || !/^\d{1,20}$/.test(value)) return badParameter
        declaredBytes = Number(value)
        break
      }
      case 'BODY': {
        const body = value?.toUpperCase()
        if (body !== '7BIT' && body !== '8BITMIME') return badParameter
        break
      }
      case 'SMTPUTF8':
        if (value !== undefined) return badParameter
        isUtf8 = true
        break
      case 'AUTH':
        // RFC 4954 §5: nobody is trusted to assert it, so it counts as `<>`.
        if (value === undefined) return badParameter
        break
      default:
        return unknownParameter
    }
  }
  return from.isAscii || isUtf8 ? { from, isUtf8, declaredBytes } : needsUtf8
}
