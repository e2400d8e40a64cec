/** RFC 5321 §3.3: an unknown recipient is refused while that costs nobody a bounce. */
import { reply } from '../../reply.ts'
import type { RcptSubject, SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const unknown: Refusal = { reply: reply(550, '5.1.1', 'No such user here'), reason: 'unknown user' }
const closed: Refusal = {
  reply: reply(550, '5.2.1', 'This mailbox takes no mail'),
  reason: 'the recipient has no permission to receive',
}

export function recipientExists(_session: SmtpSession, subject: RcptSubject): Refusal | undefined {
  if (subject.kind === 'unknownUser') return unknown
  return subject.kind === 'local' && !subject.mayReceive ? closed : undefined
}
