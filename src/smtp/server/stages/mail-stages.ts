/** What is checked at MAIL. */
import type { Maybe } from '#base/maybe.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Envelope } from '../transaction.ts'
import { declaredSize } from './declared-size.ts'
import { maySend } from './may-send.ts'
import { messageCount } from './message-count.ts'
import { senderIsOwn } from './sender-is-own.ts'
import type { Refusal } from './stage.ts'

export type MailStage = (session: SmtpSession, envelope: Envelope) => Maybe<Refusal | undefined>

export const mailStages: readonly MailStage[] = [messageCount, declaredSize, maySend, senderIsOwn]
