/**
 * What a search asks for, as its command says it (RFC 9051 §6.4.4): keys, behind the charset of their texts. Message
 * numbers, `$` and filters in it are still to be resolved.
 */
import { Refusal } from '../errors.ts'
import type { ImapSession } from '../session/session.ts'
import type { Arguments } from '../wire/grammar.ts'
import { type SearchKey, SearchKeyReader } from './search-keys.ts'

const charsets: readonly string[] = ['US-ASCII', 'UTF-8']

export interface SearchProgram {
  readonly isCharsetKnown: boolean
  readonly key: SearchKey
  /** See `SearchKeyReader`. */
  readonly hasModseq: boolean
  readonly hasNumbers: boolean
  readonly hasFilter: boolean
  readonly hasFuzzy: boolean
}

/** `[CHARSET x ]keys`, to the end of the command. */
export function readProgram(args: Arguments, session: ImapSession): SearchProgram {
  return args.takeWord('charset ') ? readCharsetAndKeys(args, session) : readKeys(args, true)
}

/** RFC 5256 §5, search-criteria: `x keys`, to the end of the command. */
export function readCharsetAndKeys(args: Arguments, session: ImapSession): SearchProgram {
  const isKnown = readCharset(args, session)
  args.sp()
  return readKeys(args, isKnown)
}

/**
 * The name of a charset; whether it is known. With UTF8=ACCEPT others than UTF-8 are an error, and should be where
 * none is needed (RFC 9755 §3); but Roundcube names US-ASCII, which is the same.
 */
function readCharset(args: Arguments, { acceptsUtf8 }: ImapSession): boolean {
  const isKnown = charsets.includes(args.astring().toString('latin1').toUpperCase())
  if (acceptsUtf8 && !isKnown) args.fail('with UTF8=ACCEPT the charset is UTF-8')
  return isKnown
}

function readKeys(args: Arguments, isCharsetKnown: boolean): SearchProgram {
  const reader = new SearchKeyReader(args)
  const key = reader.readAll()
  const { hasModseq, hasNumbers, hasFilter, hasFuzzy, hasBadText } = reader
  return { isCharsetKnown: isCharsetKnown && !hasBadText, key, hasModseq, hasNumbers, hasFilter, hasFuzzy }
}

export function assertCharset({ isCharsetKnown, hasFilter }: SearchProgram): void {
  if (isCharsetKnown) return
  const code = `BADCHARSET (${charsets.join(' ')})`
  // RFC 5466 §3.1
  throw new Refusal('That charset is not supported', code, hasFilter ? 'BAD' : 'NO')
}

/** RFC 6203 §4: how relevant something is can only be asked of what is fuzzy. */
export function assertFuzzy({ hasFuzzy }: SearchProgram): void {
  if (!hasFuzzy) throw new Refusal('RELEVANCY needs FUZZY', undefined, 'BAD')
}
