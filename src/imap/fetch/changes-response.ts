/**
 * What a client is told of changes in its selected mailbox: EXPUNGE or VANISHED, and FETCH with flags
 * (RFC 9051 §7.5, RFC 7162 §3.2.10).
 */
import type { Column } from '#mail/column.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { ColumnItem } from './fetch-items.ts'
import { writeColumns } from './fetch-response.ts'
import { formatRanges, pairUp, type Positions } from '../wire/sequence-set.ts'
import type { ResponseWriter } from '../wire/writer.ts'

/** A message with other flags than the client knows: its position in the client's picture, and the index now. */
export interface Changed {
  readonly position: number
  readonly index: number
}

/**
 * Messages are gone, given by ascending positions: by number, from the highest down, so that none of those still
 * to come changes, or with the UIDs of the client's picture by these.
 */
export function showExpunged(
  out: ResponseWriter,
  gone: readonly number[],
  uids: Column<Uint32Array> | undefined,
): void {
  if (uids !== undefined) {
    writeVanished(out, pairUp(gone.map((position) => uids.at(position))), '')
    return
  }
  for (let i = gone.length - 1; i >= 0; i--)
    out
      .ascii('* ')
      .uint(gone[i]! + 1)
      .ascii(' EXPUNGE\r\n')
}

/** Ranges in one response: a line should stay one that clients take. */
const mostRanges = 500

/** UIDs as ranges; no response for none. */
export function writeVanished(out: ResponseWriter, uids: Positions, tag: '' | '(EARLIER) '): void {
  for (let i = 0; i < uids.length; i += 2 * mostRanges)
    out
      .ascii('* VANISHED ')
      .ascii(tag)
      .ascii(formatRanges(uids.slice(i, i + 2 * mostRanges)))
      .crlf()
}

/** What any client is told. */
export const flagItems: readonly ColumnItem[] = ['UID', 'FLAGS']
export const onlyFlags: readonly ColumnItem[] = ['FLAGS']
/** RFC 7162 §3.2.4: what a client that knows CONDSTORE is told of a message whose flags changed. */
export const condstoreItems: readonly ColumnItem[] = ['UID', 'MODSEQ', 'FLAGS']

/** The numbers are those without the messages that have been expunged. */
export function showFlags(
  out: ResponseWriter,
  now: MailboxView,
  o: {
    changed: readonly Changed[]
    expunged: readonly number[]
    isCondstore: boolean
    isUidOnly: boolean
  },
): void {
  const items = o.isCondstore ? condstoreItems : flagItems
  let before = 0
  for (const { position, index } of o.changed) {
    while (before < o.expunged.length && o.expunged[before]! < position) before++
    writeColumns(out, position - before + 1, items, now, index, o.isUidOnly)
  }
}
