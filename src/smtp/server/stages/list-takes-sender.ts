/** A list is sent to by those who may (`account/list-posting.ts`), and by nobody while it has no recipients. */
import { mayPost } from '#account/list-posting.ts'
import { reply } from '../../reply.ts'
import type { RcptSubject, SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const notYours: Refusal = {
  reply: reply(550, '5.7.2', 'You may not send to this list'),
  reason: 'the sender may not send to the list',
}
const nobodyThere: Refusal = {
  reply: reply(550, '5.2.4', 'This list has no recipients'),
  reason: 'the list has no recipients',
}

export function listTakesSender(session: SmtpSession, subject: RcptSubject): Refusal | undefined {
  if (subject.kind !== 'list') return undefined
  const { list, members } = subject
  const from = session.transaction!.envelope.from.address
  const poster = { from, access: session.access, isVouchedFor: session.role === 'lmtp' }
  if (!mayPost(list, members, poster)) return notYours
  return members.accounts.length + members.others.length === 0 ? nobodyThere : undefined
}
