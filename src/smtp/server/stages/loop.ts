/** RFC 5321 §6.3: a message with very many Received fields goes in circles. */
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { DataSubject } from './data-subject.ts'
import type { Refusal } from './stage.ts'

const refusal: Refusal = {
  reply: reply(554, '5.4.6', 'Mail loop detected'),
  reason: 'too many Received fields',
}

export const loop = (session: SmtpSession, { structure }: DataSubject): Refusal | undefined =>
  structure.receivedCount > session.limits.maxReceivedFields ? refusal : undefined
