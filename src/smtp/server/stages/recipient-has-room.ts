/** A full mailbox is refused here, where the sender learns which recipient it is and tries that one again. */
import type { Maybe } from '#base/maybe.ts'
import { mailboxFull } from '../../errors.ts'
import type { RcptSubject, SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const refusal: Refusal = { reply: mailboxFull, reason: 'over quota' }
const judge = (hasRoom: boolean): Refusal | undefined => (hasRoom ? undefined : refusal)

export function recipientHasRoom(session: SmtpSession, resolution: RcptSubject): Maybe<Refusal | undefined> {
  if (resolution.kind !== 'local') return undefined
  const found = session.deps.acceptor.hasRoom(resolution.account, session.transaction!.envelope.declaredBytes)
  return found instanceof Promise ? found.then(judge) : judge(found)
}
