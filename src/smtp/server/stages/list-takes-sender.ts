/**
 * Who may send to a mailing list. Where not everybody may, a sender counts who signed in or came over LMTP
 * from a server of ours; a stranger's reverse-path proves nothing and helps only where the list names it.
 */
import { foldAddress } from '#base/domain-name.ts'
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
  if (!mayPost(session, subject)) return notYours
  return subject.members.accounts.length + subject.members.others.length === 0 ? nobodyThere : undefined
}

function mayPost(session: SmtpSession, { list, members }: Extract<RcptSubject, { kind: 'list' }>): boolean {
  if (list.posting === 'anyone') return true
  const { access, role } = session
  const from = foldAddress(session.transaction!.envelope.from.address)
  const isNamed = (addresses: readonly string[]): boolean => from !== undefined && addresses.includes(from)
  if (isNamed(list.posters)) return true
  if (list.posting === 'local') return access !== undefined || role === 'lmtp'
  if (access === undefined) return role === 'lmtp' && isNamed(list.recipients)
  return (
    isNamed(list.recipients) ||
    members.accounts.some(({ id }) => id === access.account || access.groups.includes(id))
  )
}
