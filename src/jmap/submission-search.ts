/** Which submissions a query finds, and in which order (RFC 8621 §7.3). */
import { emailObjectId, identityObjectId, submissionObjectId, threadObjectId } from '#mail/object-id.ts'
import type { Submission } from '#mail/submission/submission.ts'
import { type Filter, filterTest } from './filter.ts'
import type { Comparator } from './sort.ts'
import { id, listOf, type ReadFields, string, timeOf, utcDate } from './value.ts'

export const submissionConditions = {
  identityIds: listOf(id),
  emailIds: listOf(id),
  threadIds: listOf(id),
  undoStatus: string,
  before: utcDate,
  after: utcDate,
} as const

/** The standard names the property `sendAt` there as "sentAt". */
export const submissionSorts = ['emailId', 'threadId', 'sentAt', 'sendAt'] as const

type Condition = ReadFields<typeof submissionConditions>

interface Search {
  readonly filter: Filter<Condition> | undefined
  readonly sort: readonly Comparator<object>[]
  readonly idPrefix: string
  /** What a creation reference stands for. */
  readonly resolve: (id: string) => string | undefined
}

/** Their ids. Those that are equal for the sort are in the order in which they were made. */
export function searchSubmissions(all: readonly Submission[], o: Search): readonly string[] {
  const { filter, sort } = o
  const found = all.filter(filterTest(filter, (condition) => testOf(condition, o)))
  const compare = (a: Submission, b: Submission): number => {
    for (const { property, isAscending } of sort) {
      const difference = differenceOf(a, b, property)
      if (difference !== 0) return isAscending ? difference : -difference
    }
    return a.id - b.id
  }
  return found.toSorted(compare).map((one) => submissionObjectId(one.id, o.idPrefix))
}

function differenceOf(a: Submission, b: Submission, property: string): number {
  if (property === 'emailId') return a.email - b.email
  return property === 'threadId' ? a.thread - b.thread : a.sendAt - b.sendAt
}

function testOf(c: Condition, { idPrefix, resolve }: Search): (one: Submission) => boolean {
  const isIn = (ids: readonly string[] | undefined): ((own: () => string) => boolean) => {
    if (ids === undefined) return () => true
    const named = new Set(ids.map(resolve))
    return (own) => named.has(own())
  }
  const [isIdentity, isEmail, isThread] = [isIn(c.identityIds), isIn(c.emailIds), isIn(c.threadIds)]
  return (one) =>
    isIdentity(() => identityObjectId(one.identity, idPrefix)) &&
    isEmail(() => emailObjectId(one.email, idPrefix)) &&
    isThread(() => threadObjectId(one.thread, idPrefix)) &&
    (c.undoStatus === undefined || c.undoStatus === one.undo) &&
    (c.before === undefined || one.sendAt < timeOf(c.before)) &&
    (c.after === undefined || one.sendAt >= timeOf(c.after))
}
