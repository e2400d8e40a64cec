/** A session brings a limited number of messages; then it has to begin again, which lets load be spread. */
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const tooMany = reply(421, '4.7.0', 'Too many messages in one session, connect again')

export function messageCount(session: SmtpSession): Refusal | undefined {
  if (session.messageCount < session.limits.maxMessages) return undefined
  session.close('too many messages')
  return { reply: tooMany, reason: 'too many messages in one session' }
}
