/** Why a message is not sent, in the words of RFC 8621 §7.5 and RFC 8620 §5.3. */
import { Fault } from '#base/fault.ts'

export type RefusalType =
  | 'invalidEmail'
  | 'tooLarge'
  | 'tooManyRecipients'
  | 'noRecipients'
  | 'invalidRecipients'
  | 'forbiddenMailFrom'
  | 'forbiddenFrom'
  | 'forbiddenToSend'
  | 'cannotUnsend'
  | 'invalidProperties'

export class SubmissionRefusal extends Fault<'invalid'> {
  readonly type: RefusalType
  /** What the standard wants said besides. */
  readonly more: Readonly<Record<string, number | readonly string[]>>

  constructor(type: RefusalType, description: string, more: SubmissionRefusal['more'] = {}) {
    super('invalid', description, {})
    this.type = type
    this.more = more
  }
}

export const invalidEmail = (properties: readonly string[], description: string): SubmissionRefusal =>
  new SubmissionRefusal('invalidEmail', description, { properties })
