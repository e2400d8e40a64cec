/** RFC 5321 §4.5.3.1.10: the recipients beyond the limit are for another transaction. */
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const refusal: Refusal = { reply: reply(452, '4.5.3', 'Too many recipients'), reason: 'too many recipients' }

export const recipientCount = (session: SmtpSession): Refusal | undefined =>
  session.transaction!.recipients.length < session.limits.maxRecipients ? undefined : refusal
