/**
 * What a Fault looks like on the wire: one reply for every code and operation (RFC 5321 §4.3.2, RFC 3463,
 * RFC 5248). The texts are fixed, so that no reply tells more than its code.
 */
import type { Fault, FaultCode } from '#base/fault.ts'
import { type Reply, reply } from './reply.ts'

/** What was being done when the fault came. */
export type Operation = 'mail' | 'rcpt' | 'data' | 'auth' | 'other'

type Row = Readonly<Record<Operation, Reply>>

/** The same for all operations, with exceptions. */
const row = (usual: Reply, special: Partial<Row> = {}): Row => ({
  mail: usual,
  rcpt: usual,
  data: usual,
  auth: usual,
  other: usual,
  ...special,
})

const wrongCredentials = reply(535, '5.7.8', 'Authentication credentials invalid')
// RFC 4954 §6: so that the client does not ask for another password.
const authUnavailable = reply(454, '4.7.0', 'Temporary authentication failure')
const tryLater = reply(451, '4.3.0', 'Temporary problem here, try again later')
export const messageTooLarge = reply(552, '5.3.4', 'Message too large')
export const mailboxFull = reply(452, '4.2.2', 'Mailbox is full, try again later')

const replies: Readonly<Record<FaultCode, Row>> = {
  notFound: row(reply(550, '5.1.1', 'No such user here'), {
    mail: reply(550, '5.1.8', 'No such sender'),
    auth: wrongCredentials,
    other: reply(550, '5.3.0', 'Not found'),
  }),
  forbidden: row(reply(550, '5.7.1', 'Not permitted'), { auth: wrongCredentials }),
  exists: row(reply(554, '5.3.0', 'Exists already')),
  invalid: row(reply(501, '5.5.4', 'Not acceptable'), {
    data: reply(554, '5.6.0', 'Message not acceptable'),
    auth: reply(501, '5.5.2', 'Malformed authentication data'),
  }),
  tooLarge: row(messageTooLarge, { auth: reply(500, '5.5.6', 'Authentication exchange line is too long') }),
  overQuota: row(mailboxFull, { auth: authUnavailable }),
  conflict: row(tryLater, { auth: authUnavailable }),
  rateLimited: row(reply(451, '4.7.1', 'Too much at once, try again later'), { auth: authUnavailable }),
  // RFC 5321 §4.2.3: 452 is what a full disk gets.
  unavailable: row(tryLater, {
    data: reply(452, '4.3.1', 'Message cannot be stored now, try again later'),
    auth: authUnavailable,
  }),
  authenticationFailed: row(reply(530, '5.7.0', 'Authentication required'), { auth: wrongCredentials }),
}

export const faultReply = (fault: Fault, operation: Operation): Reply => replies[fault.code][operation]
