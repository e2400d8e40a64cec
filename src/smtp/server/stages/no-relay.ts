/** Mail for other servers is taken from nobody: this server does not send yet, and never for strangers. */
import { reply } from '../../reply.ts'
import type { RcptSubject, SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const denied: Refusal = { reply: reply(550, '5.7.1', 'Relaying denied'), reason: 'relaying denied' }
const notYet: Refusal = {
  reply: reply(550, '5.7.1', 'Sending to other servers is not available yet'),
  reason: 'sending to other servers is not available',
}

export function noRelay(session: SmtpSession, resolution: RcptSubject): Refusal | undefined {
  if (resolution.kind !== 'remote') return undefined
  return session.access === undefined ? denied : notYet
}
