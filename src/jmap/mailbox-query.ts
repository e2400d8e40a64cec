/**
 * Which mailboxes a query finds, and in which order (RFC 8621 §2.3): for Mailbox/query and Mailbox/queryChanges.
 *
 * What must always hold: the order is total. Mailboxes that no sort tells apart follow each other by id.
 */
import { hash } from 'node:crypto'
import type { MailboxId, Modseq } from '#base/id.ts'
import { modseqOf, stateOf } from '#kv/change-log.ts'
import { collationKey } from '#mail/email-query/keys.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { foldText } from '#message/fold-text.ts'
import { askerOf } from './accounts.ts'
import { type Filter, filterTest } from './filter.ts'
import type { SeenMailboxes } from './mailbox-object.ts'
import type { Call } from './method.ts'
import type { Comparator } from './sort.ts'
import { boolean, id, nullable, type ReadFields, string } from './value.ts'

export const mailboxConditions = {
  parentId: nullable(id),
  name: string,
  role: nullable(string),
  hasAnyRole: boolean,
  isSubscribed: boolean,
} as const
export const mailboxSorts = ['sortOrder', 'name'] as const
export const mailboxQueryFields = { sortAsTree: boolean, filterAsTree: boolean } as const

export type MailboxCondition = ReadFields<typeof mailboxConditions>

export interface MailboxQuery {
  readonly filter: Filter<MailboxCondition> | undefined
  readonly sort: readonly Comparator<unknown>[]
}

/** `resolve` knows creation ids. */
export function findMailboxes(
  mailboxes: SeenMailboxes,
  { filter, sort }: MailboxQuery,
  { sortAsTree = false, filterAsTree = false }: ReadFields<typeof mailboxQueryFields>,
  resolve: Call['resolve'],
): readonly Mailbox[] {
  const sorted = [...mailboxes.seen].sort(comparing(mailboxes.seen, sort))
  const test = filterTest(filter, (condition) => testOf(mailboxes, condition, resolve))
  const matching = new Set(sorted.filter(test))
  const ordered = sortAsTree ? asTree(mailboxes, sorted) : sorted
  return ordered.filter((one) => matching.has(one) && (!filterAsTree || isOnTree(mailboxes, one, matching)))
}

function testOf(
  mailboxes: SeenMailboxes,
  condition: MailboxCondition,
  resolve: Call['resolve'],
): (mailbox: Mailbox) => boolean {
  const { parentId, role, hasAnyRole, isSubscribed } = condition
  const name = condition.name === undefined ? undefined : foldText(condition.name)
  const above = typeof parentId === 'string' ? resolve(parentId) : undefined
  const isBelow = (mailbox: Mailbox): boolean => {
    const parent = mailboxes.parentOf(mailbox)
    return parent === undefined ? parentId === null : above === mailboxes.idOf(parent.id)
  }
  return (mailbox) =>
    (parentId === undefined || isBelow(mailbox)) &&
    (name === undefined || foldText(mailbox.name).includes(name)) &&
    (role === undefined || role === (mailbox.role ?? null)) &&
    (hasAnyRole === undefined || hasAnyRole === (mailbox.role !== undefined)) &&
    (isSubscribed === undefined || isSubscribed === mailboxes.isSubscribed(mailbox))
}

/** Names under a default collation that knows Unicode (RFC 8620 §5.5). */
function comparing(
  all: readonly Mailbox[],
  sort: readonly Comparator<unknown>[],
): (a: Mailbox, b: Mailbox) => number {
  const comparisons = sort.map(({ property, isAscending, collation = 'i;unicode-casemap' }) => {
    const keyOf = ({ name, sortOrder }: Mailbox): number | string =>
      property === 'name' ? collationKey(name, collation) : sortOrder
    const keys = new Map(all.map((mailbox) => [mailbox, keyOf(mailbox)]))
    return (a: Mailbox, b: Mailbox): number => {
      const [first, second] = [keys.get(a)!, keys.get(b)!]
      if (first === second) return 0
      return first < second === isAscending ? -1 : 1
    }
  })
  return (a, b) => {
    for (const compare of comparisons) {
      const order = compare(a, b)
      if (order !== 0) return order
    }
    return a.id - b.id
  }
}

/** Each before those below it, in the order that siblings have. */
function asTree(mailboxes: SeenMailboxes, sorted: readonly Mailbox[]): readonly Mailbox[] {
  const below = new Map<MailboxId | undefined, Mailbox[]>()
  for (const mailbox of sorted) {
    const parent = mailboxes.parentOf(mailbox)?.id
    const siblings = below.get(parent)
    if (siblings === undefined) below.set(parent, [mailbox])
    else siblings.push(mailbox)
  }
  const ordered: Mailbox[] = []
  const add = (parent: MailboxId | undefined): void => {
    for (const mailbox of below.get(parent) ?? []) {
      ordered.push(mailbox)
      add(mailbox.id)
    }
  }
  add(undefined)
  return ordered
}

function isOnTree(mailboxes: SeenMailboxes, mailbox: Mailbox, matching: ReadonlySet<Mailbox>): boolean {
  for (let above = mailboxes.parentOf(mailbox); above !== undefined; above = mailboxes.parentOf(above))
    if (!matching.has(above)) return false
  return true
}

/** These and all that lie below them, whose place in a tree depends on them. */
export function withBelow(all: readonly Mailbox[], changed: ReadonlySet<MailboxId>): ReadonlySet<MailboxId> {
  const found = new Set(changed)
  for (let before = -1; before < found.size;) {
    before = found.size
    for (const { id: one, parent } of all) if (parent !== 0 && found.has(parent)) found.add(one)
  }
  return found
}

/**
 * The last change of mailboxes; in an account of somebody else also who asks, and, where the filter looks at it,
 * what that one subscribed to.
 */
export interface MailboxQueryState {
  readonly modseq: Modseq
  readonly asker: string | undefined
  readonly subscribed: string | undefined
}

export function mailboxQueryState(
  modseq: Modseq,
  mailboxes: SeenMailboxes,
  filter: Filter<MailboxCondition> | undefined,
): MailboxQueryState {
  const { account, all } = mailboxes
  if (account.isOwn) return { modseq, asker: undefined, subscribed: undefined }
  const ids = all.filter((one) => mailboxes.isSubscribed(one)).map(({ id: one }) => one)
  const subscribed = asksSubscriptions(filter) ? hash('sha256', ids.join(), 'hex').slice(0, 16) : undefined
  return { modseq, asker: askerOf(account.who), subscribed }
}

export const formatMailboxQueryState = ({ modseq, asker, subscribed }: MailboxQueryState): string =>
  [
    stateOf(modseq),
    ...(asker === undefined ? [] : [`u${asker}`]),
    ...(subscribed === undefined ? [] : [`s${subscribed}`]),
  ].join('-')

/** undefined for anything that we never gave out. */
export function parseMailboxQueryState(text: string): MailboxQueryState | undefined {
  const match = /^([0-9a-z]{1,10})(?:-u([0-9a-f]{16}))?(?:-s([0-9a-f]{16}))?$/.exec(text)
  const modseq = match === null ? undefined : modseqOf(match[1]!)
  return modseq === undefined ? undefined : { modseq, asker: match![2], subscribed: match![3] }
}

/** Whether the filter asks what is not in the rows of mailboxes that are somebody else's. */
const asksSubscriptions = (filter: Filter<MailboxCondition> | undefined): boolean =>
  filter !== undefined &&
  ('condition' in filter
    ? filter.condition.isSubscribed !== undefined
    : filter.conditions.some(asksSubscriptions))
