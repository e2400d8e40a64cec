/**
 * Who signed in sends as an address of their own (`account/sending-address.ts`). The null reverse-path is for
 * notifications, which mail programs send too.
 */
import { maySendAs } from '#account/sending-address.ts'
import type { Maybe } from '#base/maybe.ts'
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Envelope } from '../transaction.ts'
import type { Refusal } from './stage.ts'

const notYours = reply(550, '5.7.1', 'You may not send as this address')
const refusal: Refusal = { reply: notYours, reason: 'the sender is not an address of the account' }

export function senderIsOwn(session: SmtpSession, { from }: Envelope): Maybe<Refusal | undefined> {
  const { access } = session
  if (access === undefined || !session.limits.mustMatchSender || from.address === '') return undefined
  const judge = (isTheirs: boolean): Refusal | undefined => (isTheirs ? undefined : refusal)
  const found = maySendAs(access, from.address, session.deps.resolve)
  return found instanceof Promise ? found.then(judge) : judge(found)
}
