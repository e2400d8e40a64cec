/**
 * Who signed in sends as an address of the own account (RFC 6409 §6.1), also one with a `+` part or one that
 * only a catch-all leads to, and as the groups it belongs to. The null reverse-path is for notifications, which mail programs send too.
 */
import type { Access } from '#account/access.ts'
import type { AccountId } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Resolution } from '#account/lookup.ts'
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Envelope } from '../transaction.ts'
import type { Refusal } from './stage.ts'

const notYours = reply(550, '5.7.1', 'You may not send as this address')
const refusal: Refusal = { reply: notYours, reason: 'the sender is not an address of the account' }

const isOwn = (access: Access, account: AccountId): boolean =>
  account === access.account || access.groups.includes(account)

export function senderIsOwn(session: SmtpSession, { from }: Envelope): Maybe<Refusal | undefined> {
  const { access } = session
  if (access === undefined || !session.limits.mustMatchSender || from.address === '') return undefined
  const judge = (isTheirs: boolean): Refusal | undefined => (isTheirs ? undefined : refusal)
  const found = isOwnAddress(session, access, from.address)
  return found instanceof Promise ? found.then(judge) : judge(found)
}

/** Whether who signed in may send as it. */
export function isOwnAddress(session: SmtpSession, access: Access, address: string): Maybe<boolean> {
  if (access.emails.includes(address)) return true
  const judge = (resolution: Resolution): boolean =>
    resolution.kind === 'local' && isOwn(access, resolution.account.id)
  const found = session.deps.resolve(address)
  return found instanceof Promise ? found.then(judge) : judge(found)
}
