/** Sent dates (RFC 5256 §2.2), by which messages are sorted and threads are ordered. */
import type { StoredStructure } from '#message/structure-codec.ts'
import type { Selection } from './stored-structures.ts'

interface SentDates {
  readonly read: (structure: StoredStructure, place: number) => void
  readonly compare: (a: number, b: number) => number
}

/** Where a message has no date, INTERNALDATE is taken. */
export function sentDates({ view, indexes }: Selection): SentDates {
  const dates = Float64Array.from(indexes, (index) => view.receivedAt.at(index))
  return {
    read: ({ sentAt }, place) => {
      if (sentAt !== undefined) dates[place] = sentAt
    },
    compare: (a, b) => dates[a]! - dates[b]!,
  }
}
