/**
 * What a client asks a search to return (RFC 9051 §6.4.4, RFC 4466 §2.6.1): the words in `RETURN (...)`, and which
 * of the messages found they stand for. SEARCH and SORT have the same ones.
 */
import type { Wanted } from '#mail/search/query.ts'
import { type FetchItem, readFetchItems } from '../fetch/fetch-items.ts'
import type { Arguments } from '../wire/grammar.ts'
import { partialRange, type PartialRange, partOf } from '../wire/partial-range.ts'

const words: readonly string[] = [
  'MIN',
  'MAX',
  'ALL',
  'COUNT',
  'PARTIAL',
  'RELEVANCY',
  'SAVE',
  'CONTEXT',
  'UPDATE',
]

export interface ReturnOptions {
  readonly words: ReadonlySet<string>
  /** Where PARTIAL is among the words. */
  readonly partial?: PartialRange
  /** Behind UPDATE: what is to be told of new messages (RFC 5465 §7). */
  readonly fetch?: readonly FetchItem[]
}

/** What holds where RETURN names nothing, and where ESEARCH is answered without it (RFC 9051 §6.4.4). */
export const returnsAll: ReturnOptions = { words: new Set(['ALL']) }

/** `RETURN (...)` and the space behind it; undefined where something else stands here. */
export function takeReturnOptions(args: Arguments): ReturnOptions | undefined {
  if (!args.takeWord('return (')) return undefined
  const found = new Set<string>()
  let partial: PartialRange | undefined
  let fetch: readonly FetchItem[] | undefined
  if (!args.takeClose()) {
    do {
      const word = args.word()
      if (!words.includes(word)) args.fail('unknown return option')
      if (found.has(word)) args.fail('a return option twice')
      found.add(word)
      if (word === 'UPDATE' && args.takeWord(' (')) {
        args.at--
        fetch = readFetchItems(args)
      }
      if (word !== 'PARTIAL') continue
      args.sp()
      partial = partialRange(args)
    } while (args.take(0x20))
    args.close()
  }
  args.sp()
  // RFC 9394 §3.1
  if (partial !== undefined && found.has('ALL')) args.fail('ALL and PARTIAL exclude each other')
  if (found.size === 0) return returnsAll
  return { words: found, ...(partial !== undefined && { partial }), ...(fetch !== undefined && { fetch }) }
}

/** How much from the one end of what is found will do, in the order of the mailbox; undefined where all must be. */
export function wantedOf({ words: asked, partial }: ReturnOptions): Wanted | undefined {
  const isAlone = [...asked].every((word) => word === 'PARTIAL' || word === 'CONTEXT')
  if (partial === undefined || !isAlone) return undefined
  return { count: Math.max(partial.first, partial.last), isFromEnd: partial.isFromEnd }
}

/**
 * Of what was found, in the order asked for: the messages that are returned, and saved (RFC 9051 §6.4.4.1, table 4,
 * RFC 9394 §3.2, table 1).
 */
export function returnedOf<T>(found: readonly T[], { words: asked, partial }: ReturnOptions): readonly T[] {
  const isPart = asked.has('MIN') || asked.has('MAX') || partial !== undefined
  if (!isPart || asked.has('ALL') || asked.has('COUNT') || found.length === 0) return found
  const part = new Set(partial === undefined ? [] : partOf(found, partial))
  if (asked.has('MIN')) part.add(found[0]!)
  if (asked.has('MAX')) part.add(found.at(-1)!)
  return [...part]
}
