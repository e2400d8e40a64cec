/**
 * AUTH (RFC 4954): a SASL exchange in base64 lines. Only under TLS, so that no password crosses the wire in
 * clear. A wrong password is answered late, and after some of them the session ends.
 */
import { asBuffer, empty } from '#base/bytes.ts'
import { Fault, isFault } from '#base/fault.ts'
import type { SaslExchange } from '#account/sasl/mechanism.ts'
import { faultReply } from '../../errors.ts'
import { sessionAborted, smtpError } from '../../events.ts'
import { type Reply, reply } from '../../reply.ts'
import { overSmtp, smtpCommand, type SmtpSession } from '../smtp-command.ts'

const done = reply(235, '2.7.0', 'Authentication succeeded')
const already = reply(503, '5.5.1', 'Signed in already')
const inTransaction = reply(503, '5.5.1', 'Not during a mail transaction')
const needsTls = reply(530, '5.7.0', 'Must issue a STARTTLS command first')
const notOffered = reply(502, '5.5.1', 'AUTH is not available here')
const unknownMechanism = reply(504, '5.5.4', 'Mechanism not supported')
const cancelled = reply(501, '5.7.0', 'Authentication cancelled')
const notBase64 = reply(501, '5.5.2', 'Not base64')
const tooMany = reply(421, '4.7.0', 'Too many failed sign-ins, closing connection')

/** RFC 4954 §4 */
const longestResponse = 12_288
const ASTERISK = 0x2a
const EQUALS = 0x3d

interface AuthArguments {
  /** In upper case. */
  readonly mechanism: string
  /** As it stands in the command; undefined where there is none. */
  readonly initial: Uint8Array | undefined
}

export const auth = smtpCommand<AuthArguments>({
  verb: 'AUTH',
  standard: 'RFC 4954 §4',
  roles: overSmtp,
  need: 'hello',
  needsSignIn: false,
  operation: 'auth',
  syntaxReply: reply(501, '5.5.4', 'Syntax: AUTH mechanism [initial-response]'),
  parse(argument) {
    const name = argument.takeWhile((c) => c > 0x20)
    if (name.length === 0) argument.fail('expected a mechanism')
    const mechanism = asBuffer(name).toString('latin1').toUpperCase()
    if (argument.atEnd) return { mechanism, initial: undefined }
    while (argument.take(0x20));
    const initial = argument.takeWhile((c) => c > 0x20)
    if (!argument.atEnd) argument.fail('expected the end')
    return { mechanism, initial }
  },
  run(session, args) {
    if (session.access !== undefined) return already
    if (session.transaction !== undefined) return inTransaction
    if (session.connection.tls === undefined) return session.connection.canStartTls ? needsTls : notOffered
    if (!session.canSignIn) return notOffered
    return signIn(session, args)
  },
})

async function signIn(session: SmtpSession, args: AuthArguments): Promise<Reply | undefined> {
  const { deps, connection } = session
  const mechanism = deps.mechanisms.find(args.mechanism, { tls: connection.tls, allowsClear: false })
  if (mechanism === undefined || mechanism === 'needsTls') return unknownMechanism
  let response: Uint8Array | undefined
  if (args.initial !== undefined) {
    response = isEmptyMark(args.initial) ? empty : decodeBase64(args.initial)
    if (response === undefined) return notBase64
  }
  const exchange = mechanism.start({
    signIn: deps.signIn,
    tls: connection.tls,
    from: { ip: connection.peer.ip, protocol: session.role === 'submission' ? 'submission' : 'smtp' },
  })
  try {
    return await converse(session, exchange, response)
  } catch (error) {
    if (!isFault(error) || connection.signal.aborted) throw error
    if (error.code === 'unavailable') session.emit(smtpError, { error })
    return faultReply(error, 'auth')
  }
}

/** A lone `=` stands for an initial response without bytes (RFC 4954 §4). */
const isEmptyMark = (initial: Uint8Array): boolean => initial.length === 1 && initial[0] === EQUALS

async function converse(
  session: SmtpSession,
  exchange: SaslExchange,
  first: Uint8Array | undefined,
): Promise<Reply | undefined> {
  const { connection } = session
  for (let response = first; ;) {
    const step = await exchange.next(response)
    if ('done' in step) {
      session.signedIn(step.done)
      return done
    }
    if ('failed' in step) return step.failed === 'wrong' ? wrong(session) : malformed
    await connection.write(reply(334, '', asBuffer(step.challenge).toString('base64')))
    const line = await connection.readLine(longestResponse, { continues: true })
    if (line === undefined) return undefined
    if (line.length === 1 && line[0] === ASTERISK) return cancelled
    response = decodeBase64(line)
    if (response === undefined) return notBase64
  }
}

const malformed = faultReply(new Fault('invalid', 'malformed', {}), 'auth')
const wrongCredentials = faultReply(new Fault('authenticationFailed', 'wrong', {}), 'auth')

async function wrong(session: SmtpSession): Promise<Reply> {
  const isLast = session.countAuthFailure()
  await session.deps.pause(session.limits.authFailureDelayMs, session.connection.signal)
  if (!isLast) return wrongCredentials
  session.emit(sessionAborted, { reason: 'too many failed sign-ins' })
  session.close('too many failed sign-ins')
  return tooMany
}

const isBase64 = (c: number): boolean =>
  (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === 0x2b || c === 0x2f

/** RFC 4954 §4: any other character, and padding anywhere but at the end, is refused. */
function decodeBase64(text: Uint8Array): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  let end = text.length
  while (end > 0 && text.length - end < 2 && text[end - 1] === EQUALS) end--
  for (let i = 0; i < end; i++) if (!isBase64(text[i]!)) return undefined
  return Buffer.from(asBuffer(text).toString('latin1'), 'base64')
}
