/**
 * Patterns that administrators write and strangers' text is held against, in time linear in the text: the
 * only importer of re2js, an engine without backtracking.
 */
import { RE2JS, RE2JSException } from 're2js'

export interface Pattern {
  /** Whether the whole text is one that the pattern describes. */
  matches(text: string): boolean
}

/** Longer expressions are refused: the engine's memory grows with them. */
const longestSource = 500

/** RE2 syntax; case does not matter. Undefined where the source is none. */
export function compileRegex(source: string): Pattern | undefined {
  if (source.length > longestSource) return undefined
  try {
    const compiled = RE2JS.compile(source, RE2JS.CASE_INSENSITIVE)
    return { matches: (text) => compiled.matches(text) }
  } catch (error) {
    if (error instanceof RE2JSException) return undefined
    throw error
  }
}

/** `*` stands for any text, also none; everything else for itself, case not minded. */
export function compileWildcard(source: string): Pattern {
  const pieces = source.toLowerCase().split('*')
  return { matches: (text) => matchesPieces(text.toLowerCase(), pieces) }
}

/** First and last piece at the ends, those between in order, each as early as it comes. */
function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0]!
  const last = pieces.at(-1)!
  if (pieces.length === 1) return text === first
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false
  let at = first.length
  const end = text.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found < 0 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}
