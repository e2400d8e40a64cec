/** What is checked at RCPT, once the recipient was looked up. */
import type { Maybe } from '#base/maybe.ts'
import type { RcptSubject, SmtpSession } from '../smtp-command.ts'
import { listTakesSender } from './list-takes-sender.ts'
import { noRelay } from './no-relay.ts'
import { recipientCount } from './recipient-count.ts'
import { recipientExists } from './recipient-exists.ts'
import { recipientHasRoom } from './recipient-has-room.ts'
import type { Refusal } from './stage.ts'

export type RcptStage = (session: SmtpSession, resolution: RcptSubject) => Maybe<Refusal | undefined>

export const rcptStages: readonly RcptStage[] = [
  recipientCount,
  noRelay,
  recipientExists,
  listTakesSender,
  recipientHasRoom,
]
