/** Who signed in sends only with the permission to. */
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const refusal: Refusal = {
  reply: reply(550, '5.7.1', 'You may not send mail'),
  reason: 'no permission to send',
}

export const maySend = ({ access }: SmtpSession): Refusal | undefined =>
  access === undefined || access.permissions.has('emailSend') ? undefined : refusal
