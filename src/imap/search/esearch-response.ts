/**
 * The ESEARCH response (RFC 4466 §2.6.2, RFC 9051 §7.3.4): what a search returns, with the tag of its command, and
 * with the mailbox where that need not be the selected one (RFC 7377 §2.1).
 */
import { writeName } from '../namespace/mailbox-name.ts'
import { formatRange, partOf } from '../wire/partial-range.ts'
import type { ReturnOptions } from './return-options.ts'
import { formatSet } from '../wire/sequence-set.ts'
import type { Correlator } from '../session/search-contexts.ts'
import type { ImapSession } from '../session/session.ts'

export interface SearchResult {
  /** Positions, in the order asked for. */
  readonly found: readonly number[]
  /** The message number or the UID at a position. */
  readonly number: (position: number) => number
  readonly byUid: boolean
  /** The highest MODSEQ of what is returned (RFC 4731 §3.2); 0 for none. */
  readonly modseq: number
  /** How relevant each of `found` is (RFC 6203 §4), where that was asked for. */
  readonly relevancy?: readonly number[] | undefined
}

export function beginEsearch({ out, isUtf8 }: ImapSession, correlator: Correlator, byUid: boolean): void {
  out.ascii('* ESEARCH (TAG "').ascii(correlator.tag).byte(0x22)
  if (correlator.mailbox !== undefined) {
    const { path, uidValidity } = correlator.mailbox
    out.ascii(' MAILBOX ')
    writeName(out, path, isUtf8)
    out.ascii(' UIDVALIDITY ').uint(uidValidity)
  }
  out.byte(0x29)
  if (byUid) out.ascii(' UID')
}

/** Nothing where the result was only to be saved (RFC 9051 §6.4.4.1). */
export function writeEsearch(
  session: ImapSession,
  correlator: Correlator,
  { words, partial }: ReturnOptions,
  { found, number, byUid, modseq, relevancy }: SearchResult,
): void {
  if (words.size === 1 && words.has('SAVE')) return
  const { out } = session
  beginEsearch(session, correlator, byUid)
  if (found.length > 0) {
    if (words.has('MIN')) out.ascii(' MIN ').uint(number(found[0]!))
    if (words.has('MAX')) out.ascii(' MAX ').uint(number(found.at(-1)!))
    if (words.has('ALL')) out.ascii(' ALL ').ascii(formatSet(found.values().map(number)))
  }
  if (partial !== undefined) {
    const part = formatSet(partOf(found, partial).values().map(number))
    // RFC 5267 §5: NIL where nothing is in the range.
    out
      .ascii(` PARTIAL (${formatRange(partial)} `)
      .ascii(part || 'NIL')
      .byte(0x29)
  }
  if (relevancy !== undefined && found.length > 0) {
    // Of what is told: the whole result, or the part.
    const scores = partial === undefined ? relevancy : partOf(relevancy, partial)
    out.ascii(` RELEVANCY (${scores.join(' ')})`)
  }
  if (words.has('COUNT')) out.ascii(' COUNT ').uint(found.length)
  if (modseq > 0) out.ascii(' MODSEQ ').uint(modseq)
  out.crlf()
}
