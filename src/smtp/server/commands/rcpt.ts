/** RCPT (RFC 5321 §4.1.1.3): a recipient that the message is taken for, or a refusal. */
import { ownerOf } from '#account/list-expansion.ts'
import type { Resolution } from '#account/lookup.ts'
import type { Maybe } from '#base/maybe.ts'
import { messageRejected } from '../../events.ts'
import { type Parameter, parseParameters } from '../../parameters.ts'
import { parsePath, type Path } from '#message/path.ts'
import { type Reply, reply, replyText } from '../../reply.ts'
import { readRecipientOptions } from '../envelope.ts'
import { everywhere, type RcptSubject, smtpCommand, type SmtpSession } from '../smtp-command.ts'
import type { RecipientParameters } from '#queue/envelope-parameters.ts'
import type { Recipient } from '../recipient.ts'
import { rcptStages } from '../stages/rcpt-stages.ts'
import { firstRefusal, type Refusal } from '../stages/stage.ts'

const accepted = reply(250, '2.1.5', 'Recipient ok')
const afterChunks = reply(503, '5.5.1', 'Data has begun, no more recipients')
// RFC 6531 §3.5
const needsUtf8 = reply(553, '5.6.7', 'Address is not ASCII, SMTPUTF8 is needed')

/** What RCPT named. */
interface Named {
  readonly to: Path
  readonly options: RecipientParameters
}

interface RcptArguments {
  readonly to: Path
  readonly parameters: readonly Parameter[]
}

const unknownUser: Resolution = { kind: 'unknownUser' }

export const rcpt = smtpCommand<RcptArguments>({
  verb: 'RCPT',
  standard: 'RFC 5321 §4.1.1.3',
  roles: everywhere,
  need: 'transaction',
  needsSignIn: true,
  operation: 'rcpt',
  syntaxReply: reply(501, '5.1.3', 'Syntax: RCPT TO:<address>'),
  parse(argument) {
    if (!argument.takeWord('to:')) argument.fail('expected TO:')
    return { to: parsePath(argument, 'forward'), parameters: parseParameters(argument) }
  },
  run(session, { to, parameters }) {
    const transaction = session.transaction!
    if (transaction.chunks !== undefined) return afterChunks
    const options = readRecipientOptions(parameters, session.isSubmission)
    if (Buffer.isBuffer(options)) return options
    if (!to.isAscii && !transaction.envelope.isUtf8) return needsUtf8
    const named = { to, options }
    const found = resolve(session, to)
    return found instanceof Promise
      ? found.then((resolution) => withMembers(session, named, resolution))
      : withMembers(session, named, found)
  },
})

function resolve(session: SmtpSession, to: Path): Maybe<Resolution> {
  if (to.domain !== '') return session.deps.resolve(to.address)
  // RFC 5321 §4.5.1: the postmaster without a domain is that of the server.
  const domain = session.deps.defaultDomain()
  const resolveAt = (at: string | undefined): Maybe<Resolution> =>
    at === undefined ? unknownUser : session.deps.resolve(`postmaster@${at}`)
  return domain instanceof Promise ? domain.then(resolveAt) : resolveAt(domain)
}

function withMembers(session: SmtpSession, named: Named, resolution: Resolution): Maybe<Reply> {
  if (resolution.kind !== 'list') return decide(session, named, resolution)
  return session.deps
    .expand(resolution.list)
    .then((members) => decide(session, named, { ...resolution, members }))
}

function decide(session: SmtpSession, named: Named, resolution: RcptSubject): Maybe<Reply> {
  const refusal = firstRefusal(rcptStages, session, resolution)
  return refusal instanceof Promise
    ? refusal.then((found) => conclude(session, named, resolution, found))
    : conclude(session, named, resolution, refusal)
}

function conclude(
  session: SmtpSession,
  { to, options }: Named,
  resolution: RcptSubject,
  refusal: Refusal | undefined,
): Reply {
  const recipient = refusal === undefined ? recipientOf(resolution, to, options) : undefined
  if (recipient !== undefined) {
    session.addRecipient(recipient)
    return accepted
  }
  const { reply: answer, reason } = refusal!
  session.emit(messageRejected, {
    stage: 'rcpt',
    from: session.transaction!.envelope.from.address,
    to: [to.address],
    reason,
    reply: replyText(answer),
  })
  return answer
}

function recipientOf(subject: RcptSubject, to: Path, options: RecipientParameters): Recipient | undefined {
  switch (subject.kind) {
    case 'local': {
      const { account, address, detail } = subject
      return { kind: 'mailbox', account, address, ...options, ...(detail === undefined ? {} : { detail }) }
    }
    case 'list':
      return {
        kind: 'list',
        members: subject.members,
        address: subject.address,
        owner: ownerOf(subject.list),
      }
    case 'remote':
      // RFC 6531 §3.2: with A-labels its server can be looked up, and any takes it whose local part is ASCII.
      return { kind: 'remote', address: `${to.localPart}@${to.domain}`, ...options }
    case 'unknownUser':
      return undefined
  }
}
