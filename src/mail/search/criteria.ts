/**
 * What can be searched for: the keys of IMAP SEARCH (RFC 9051 §6.4.4, RFC 7162 §3.1.5, RFC 8474,
 * RFC 8514) as one tree, which JMAP's filters fit into as well.
 */
import type { MessageId, Modseq, ThreadId } from '#base/id.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import type { FuzzyRegion } from '#search/ranking.ts'

/** Inclusive. */
export type UidRange = readonly [from: number, to: number]

export type SearchCriteria =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly of: readonly SearchCriteria[] }
  | { readonly kind: 'not'; readonly of: SearchCriteria }
  /** In any case; IMAP's system flags by their keywords. */
  | { readonly kind: 'keyword'; readonly keyword: string }
  | { readonly kind: 'deleted' }
  /** Also for sequence numbers, which the caller turns into UIDs. */
  | { readonly kind: 'uids'; readonly ranges: readonly UidRange[] }
  | { readonly kind: 'larger' | 'smaller'; readonly bytes: number }
  /**
   * `day` is midnight UTC of the day in milliseconds; `received` is INTERNALDATE. Received and saved dates are
   * taken in UTC, as they are shown; of the Date field its own calendar day counts.
   */
  | {
      readonly kind: 'date'
      readonly field: 'received' | 'saved' | 'sent'
      readonly how: 'before' | 'on' | 'since'
      readonly day: number
    }
  /** The WITHIN extension: by INTERNALDATE. */
  | { readonly kind: 'younger' | 'older'; readonly seconds: number }
  | { readonly kind: 'modseq'; readonly atLeast: Modseq }
  | { readonly kind: 'message'; readonly id: MessageId }
  | { readonly kind: 'thread'; readonly id: ThreadId }
  /** The empty text asks for the field only. */
  | { readonly kind: 'header'; readonly name: string; readonly text: string }
  | { readonly kind: 'from' | 'to' | 'cc' | 'bcc' | 'subject'; readonly text: string }
  /** As people mean it (RFC 6203): words in any of their forms, beginnings of words, slips where those may be. */
  | {
      readonly kind: 'fuzzy'
      readonly region: FuzzyRegion
      readonly text: string
      readonly withoutSlips?: true
    }
  /** The very words, one after the other, whatever stands between them. At least one. */
  | { readonly kind: 'phrase'; readonly region: Exclude<FuzzyRegion, 'text'>; readonly text: string }
  /** What the caller can tell of an entry, by its index and, where that is not enough, by its structure. */
  | {
      readonly kind: 'known'
      readonly answer: (index: number, structure: StoredStructure | undefined) => boolean | undefined
    }
  /** `text` looks into all headers too. */
  | { readonly kind: 'body' | 'text'; readonly text: string }

/** The conditions in a tree of criteria, wherever they stand in it. */
export function* leavesOf(criteria: SearchCriteria): Generator<SearchCriteria> {
  if (criteria.kind === 'and' || criteria.kind === 'or') for (const one of criteria.of) yield* leavesOf(one)
  else if (criteria.kind === 'not') yield* leavesOf(criteria.of)
  else yield criteria
}

/** The conditions that are asked for and not excluded. */
export function* positiveLeaves(criteria: SearchCriteria): Generator<SearchCriteria> {
  if (criteria.kind === 'and' || criteria.kind === 'or')
    for (const one of criteria.of) yield* positiveLeaves(one)
  else if (criteria.kind !== 'not') yield criteria
}
