/**
 * A CR or LF that is not part of CRLF (RFC 5321 §2.3.8 forbids both) is where servers disagree on where a
 * message ends, which is what smuggling a second message lives on. Such a message is refused.
 */
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { DataSubject } from './data-subject.ts'
import type { Refusal } from './stage.ts'

const refusal: Refusal = {
  reply: reply(554, '5.6.0', 'Message has a bare CR or LF, lines must end with CRLF'),
  reason: 'bare CR or LF',
}

export const lineEnds = (_session: SmtpSession, subject: DataSubject): Refusal | undefined =>
  subject.hasBareLineEnd ? refusal : undefined
