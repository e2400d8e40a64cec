/**
 * The columns of all messages, put together from those of the mailboxes, which are in memory or kept in the store:
 * the rows of all messages, which lie far apart, need not be read.
 *
 * The mailboxes may be of different commits, none before that of the columns: what happened since is to be followed.
 * A message that was moved meanwhile may be missing, and `EmailColumns.update` says so.
 */
import type { MailboxId } from '#base/id.ts'
import { lowerBound } from './column.ts'
import { EmailColumns } from './email-columns.ts'
import type { FlagSets } from './flag-set.ts'
import type { Columns } from './mailbox-view.ts'
import { PlaceSets } from './place-sets.ts'

export interface EmailSource {
  readonly mailbox: MailboxId
  /** Their flag sets are those of the account. */
  readonly columns: Columns
}

export function emailsOf(
  sources: readonly EmailSource[],
  o: Omit<ConstructorParameters<typeof EmailColumns>[0], 'expected' | 'placeSets'>,
): EmailColumns {
  const ids = idsOf(sources)
  const count = ids.length
  const placeSets = new PlaceSets()
  const threads = new Float64Array(count)
  const sizes = new Float64Array(count)
  const receivedAt = new Float64Array(count)
  const keywords = new Uint32Array(count)
  const places = new Uint32Array(count).fill(placeSets.numberOf([]))
  const keywordsOf = withoutDeleted(o.sets)
  for (const { mailbox, columns } of sources) {
    let slot = -1
    for (let i = 0; i < columns.ids.count; i++) {
      const id = columns.ids.at(i)
      // Most often the ids of a mailbox ascend.
      if (ids[++slot] !== id) slot = lowerBound(ids, count, id)
      const flagSet = columns.flagSets.at(i)
      threads[slot] = columns.threads.at(i)
      sizes[slot] = columns.sizes.at(i)
      receivedAt[slot] = columns.receivedAt.at(i)
      keywords[slot] = keywordsOf(flagSet)
      if (!o.sets.at(flagSet).deleted) places[slot] = placeSets.with(places[slot]!, mailbox)
    }
  }
  const emails = new EmailColumns({ ...o, expected: count, placeSets })
  for (let slot = 0; slot < count; slot++) {
    emails.appendEmail({
      id: ids[slot]!,
      thread: threads[slot]!,
      sizeBytes: sizes[slot]!,
      receivedAt: receivedAt[slot]!,
      keywords: keywords[slot]!,
      places: places[slot]!,
    })
  }
  return emails
}

/** Ascending, each once. */
function idsOf(sources: readonly EmailSource[]): Float64Array {
  let entries = 0
  for (const { columns } of sources) entries += columns.ids.count
  const all = new Float64Array(entries)
  let at = 0
  for (const { columns } of sources) for (const id of columns.ids) all[at++] = id
  all.sort()
  let count = 0
  for (const id of all) if (count === 0 || all[count - 1] !== id) all[count++] = id
  return all.subarray(0, count)
}

/** The number of the same keywords without `\Deleted`, by that of a flag set. */
function withoutDeleted(sets: FlagSets): (flagSet: number) => number {
  const known: (number | undefined)[] = []
  return (flagSet) => (known[flagSet] ??= sets.numberOf(sets.at(flagSet).keywords, false))
}
