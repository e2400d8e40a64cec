/** What is checked when the data is complete. All of it looks at what is in memory. */
import type { SmtpSession } from '../smtp-command.ts'
import { loop } from './loop.ts'
import { lineEnds } from './line-ends.ts'
import type { DataSubject } from './data-subject.ts'
import type { Refusal } from './stage.ts'

export type DataStage = (session: SmtpSession, subject: DataSubject) => Refusal | undefined

export const dataStages: readonly DataStage[] = [lineEnds, loop]
