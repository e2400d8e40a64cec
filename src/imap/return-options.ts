/**
 * What a client asks a search to return (RFC 9051 §6.4.4, RFC 4466 §2.6.1): the words in `RETURN (...)`, and which
 * of the messages found they stand for. SEARCH and SORT have the same ones.
 */
import type { Arguments } from './grammar.ts'

const words: readonly string[] = ['MIN', 'MAX', 'ALL', 'COUNT', 'SAVE']

export interface ReturnOptions {
  readonly words: ReadonlySet<string>
}

/** What holds where RETURN names nothing, and where ESEARCH is answered without it (RFC 9051 §6.4.4). */
export const returnsAll: ReturnOptions = { words: new Set(['ALL']) }

/** `RETURN (...)` and the space behind it; undefined where something else stands here. */
export function takeReturnOptions(args: Arguments): ReturnOptions | undefined {
  if (!args.takeWord('return (')) return undefined
  const found = new Set<string>()
  if (!args.takeClose()) {
    do {
      const word = args.word()
      if (!words.includes(word)) args.fail('unknown return option')
      found.add(word)
    } while (args.take(0x20))
    args.close()
  }
  args.sp()
  return found.size === 0 ? returnsAll : { words: found }
}

/** Of what was found, in the order asked for: the messages that are returned, and saved (RFC 9051 §6.4.4.1, table 4). */
export function returnedOf<T>(found: readonly T[], o: ReturnOptions): readonly T[] {
  const onlyEnds = (o.words.has('MIN') || o.words.has('MAX')) && !o.words.has('ALL') && !o.words.has('COUNT')
  if (!onlyEnds || found.length === 0) return found
  const ends = new Set<T>()
  if (o.words.has('MIN')) ends.add(found[0]!)
  if (o.words.has('MAX')) ends.add(found.at(-1)!)
  return [...ends]
}
