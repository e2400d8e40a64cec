/** Ranges of bytes (RFC 9110 §14): one range of a content whose size is known; of several, none is taken. */

export interface ByteRange {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** Positions as they are written may be longer than any content. */
const oneRange = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i

/**
 * What a Range field asks of so many bytes: undefined where there is none to be regarded, `unsatisfiable` where it
 * lies behind the end (RFC 9110 §14.1.2 and §15.5.17).
 */
export function readRange(field: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = oneRange.exec(field ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '') {
    if (last === '') return undefined
    const suffix = Math.min(Number(last), size)
    return suffix === 0 ? 'unsatisfiable' : { start: size - suffix, end: size }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  // RFC 9110 §14.1.1: a last position before the first makes it invalid, and not to be regarded.
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, end }
}
