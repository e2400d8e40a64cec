/** RFC 1870 §6.1: a message that is announced as too large is refused before it is sent. */
import { messageTooLarge } from '../../errors.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Envelope } from '../transaction.ts'
import type { Refusal } from './stage.ts'

export function declaredSize(session: SmtpSession, envelope: Envelope): Refusal | undefined {
  if (envelope.declaredBytes <= session.limits.maxMessageBytes) return undefined
  return { reply: messageTooLarge, reason: 'declared as too large' }
}
