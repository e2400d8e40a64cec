/** RFC 5321 §3.3: an unknown recipient is refused while that costs nobody a bounce. */
import type { Resolution } from '#account/lookup.ts'
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const refusal: Refusal = { reply: reply(550, '5.1.1', 'No such user here'), reason: 'unknown user' }

export const recipientExists = (_session: SmtpSession, resolution: Resolution): Refusal | undefined =>
  resolution.kind === 'unknownUser' ? refusal : undefined
