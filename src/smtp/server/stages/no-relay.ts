/** Mail for other servers is taken from those who signed in, and never from strangers. */
import { reply } from '../../reply.ts'
import type { RcptSubject, SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const denied: Refusal = { reply: reply(550, '5.7.1', 'Relaying denied'), reason: 'relaying denied' }

export const noRelay = (session: SmtpSession, subject: RcptSubject): Refusal | undefined =>
  subject.kind === 'remote' && session.access === undefined ? denied : undefined
