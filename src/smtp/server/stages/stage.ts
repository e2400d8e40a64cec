/**
 * Checks on the way of a message, in visible order: at MAIL, at RCPT, and when its data is complete. A stage
 * looks at facts, changes nothing, and says nothing (go on) or why not.
 */
import type { Maybe } from '#base/maybe.ts'
import type { Reply } from '../../reply.ts'

export interface Refusal {
  readonly reply: Reply
  /** For the log. */
  readonly reason: string
}

/** The first refusal of the stages, one after the other; a promise only where a stage has to wait. */
export function firstRefusal<C, T>(
  stages: readonly ((context: C, subject: T) => Maybe<Refusal | undefined>)[],
  context: C,
  subject: T,
  from = 0,
): Maybe<Refusal | undefined> {
  for (let i = from; i < stages.length; i++) {
    const found = stages[i]!(context, subject)
    if (found instanceof Promise) {
      return found.then((refusal) => refusal ?? firstRefusal(stages, context, subject, i + 1))
    }
    if (found !== undefined) return found
  }
  return undefined
}
