/**
 * The base subject of RFC 5256 §2.1: a subject without its "Re:", "Fwd:", "[list]" and "(fwd)", by which
 * messages are sorted and threaded. Takes decoded text; letter case is kept, comparing is the caller's.
 */

/** The procedure compares backwards and forwards; what is longer is cut so that its cost is bounded. */
const MAX_SUBJECT = 1024

const SPACE = 0x20
const OPEN = 0x5b
const CLOSE = 0x5d

export function baseSubject(decoded: string): string {
  // Step 1. The conversion of encoded words has been done.
  const text = decoded.slice(0, MAX_SUBJECT).replace(/[ \t\r\n]+/g, ' ')
  let start = 0
  let end = text.length
  for (;;) {
    end = withoutTrailers(text, start, end)
    start = withoutLeaders(text, start, end)
    // Step 6: the whole is a forwarded subject in brackets.
    if (!isWordAt(text, start, end, '[fwd:') || text.charCodeAt(end - 1) !== CLOSE) break
    start += 5
    end--
  }
  return text.slice(start, end).toWellFormed()
}

function isWordAt(text: string, at: number, end: number, word: string): boolean {
  return at + word.length <= end && text.slice(at, at + word.length).toLowerCase() === word
}

/** Step 2: "(fwd)" and white space at the end. */
function withoutTrailers(text: string, start: number, end: number): number {
  for (;;) {
    if (end > start && text.charCodeAt(end - 1) === SPACE) end--
    else if (end - start >= 5 && isWordAt(text, end - 5, end, '(fwd)')) end -= 5
    else return end
  }
}

/** Steps 3 to 5: leaders, and blobs that something is left behind of. */
function withoutLeaders(text: string, start: number, end: number): number {
  for (;;) {
    const leader = leaderEnd(text, start, end)
    if (leader > start) {
      start = leader
      continue
    }
    const blob = blobEnd(text, start, end)
    if (blob === start || blob >= end) return start
    start = blob
  }
}

/** subj-leader = (*subj-blob subj-refwd) / WSP; `start` where there is none. */
function leaderEnd(text: string, start: number, end: number): number {
  if (start < end && text.charCodeAt(start) === SPACE) return start + 1
  let at = start
  for (let next = blobEnd(text, at, end); next > at; next = blobEnd(text, at, end)) at = next
  const word = isWordAt(text, at, end, 'fwd')
    ? 3
    : isWordAt(text, at, end, 're') || isWordAt(text, at, end, 'fw')
      ? 2
      : 0
  if (word === 0) return start
  at += word
  while (at < end && text.charCodeAt(at) === SPACE) at++
  at = blobEnd(text, at, end)
  return at < end && text[at] === ':' ? at + 1 : start
}

/** subj-blob = "[" *BLOBCHAR "]" *WSP; `start` where there is none. */
function blobEnd(text: string, start: number, end: number): number {
  if (start >= end || text.charCodeAt(start) !== OPEN) return start
  let at = start + 1
  while (at < end && text.charCodeAt(at) !== OPEN && text.charCodeAt(at) !== CLOSE) at++
  if (at >= end || text.charCodeAt(at) !== CLOSE) return start
  at++
  while (at < end && text.charCodeAt(at) === SPACE) at++
  return at
}
