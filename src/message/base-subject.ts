/**
 * The base subject of RFC 5256 §2.1: a subject without its "Re:", "Fwd:", "[list]" and "(fwd)", by which
 * messages are sorted and threaded. Takes decoded text; letter case is kept, comparing is the caller's.
 */

/** The procedure compares backwards and forwards; what is longer is cut so that its cost is bounded. */
const MAX_SUBJECT = 1024

const SPACE = 0x20
const OPEN = 0x5b
const CLOSE = 0x5d

export interface ReadSubject {
  readonly base: string
  /** A "Re:", "Fwd:", "(fwd)" or "[fwd: ]" was taken off: a reply or a forward (RFC 5256 §3, REFERENCES). */
  readonly isReply: boolean
}

export const baseSubject = (decoded: string): string => readSubject(decoded).base

export function readSubject(decoded: string): ReadSubject {
  // Step 1. The conversion of encoded words has been done.
  const subject = new Subject(decoded.slice(0, MAX_SUBJECT).replace(/[ \t\r\n]+/g, ' '))
  do {
    subject.dropTrailers()
    subject.dropLeaders()
  } while (subject.unwrap())
  return { base: subject.rest.toWellFormed(), isReply: subject.isReply }
}

class Subject {
  readonly #text: string
  #start = 0
  #end: number
  isReply = false

  constructor(text: string) {
    this.#text = text
    this.#end = text.length
  }

  get rest(): string {
    return this.#text.slice(this.#start, this.#end)
  }

  /** Step 2: "(fwd)" and white space at the end. */
  dropTrailers(): void {
    for (;;) {
      if (this.#end > this.#start && this.#text.charCodeAt(this.#end - 1) === SPACE) this.#end--
      else if (this.#end - this.#start >= 5 && this.#isWordAt(this.#end - 5, '(fwd)')) {
        this.#end -= 5
        this.isReply = true
      } else return
    }
  }

  /** Steps 3 to 5: leaders, and blobs that something is left behind of. */
  dropLeaders(): void {
    for (;;) {
      const leader = this.#leaderEnd()
      if (leader > this.#start) {
        this.#start = leader
        continue
      }
      const blob = this.#blobEnd(this.#start)
      if (blob === this.#start || blob >= this.#end) return
      this.#start = blob
    }
  }

  /** Step 6: whether the whole was a forwarded subject in brackets. */
  unwrap(): boolean {
    if (!this.#isWordAt(this.#start, '[fwd:') || this.#text.charCodeAt(this.#end - 1) !== CLOSE) return false
    this.#start += 5
    this.#end--
    this.isReply = true
    return true
  }

  /** subj-leader = (*subj-blob subj-refwd) / WSP; the start where there is none. */
  #leaderEnd(): number {
    const start = this.#start
    if (start < this.#end && this.#text.charCodeAt(start) === SPACE) return start + 1
    let at = start
    for (let next = this.#blobEnd(at); next > at; next = this.#blobEnd(at)) at = next
    const word = this.#isWordAt(at, 'fwd') ? 3 : this.#isWordAt(at, 're') || this.#isWordAt(at, 'fw') ? 2 : 0
    if (word === 0) return start
    at += word
    while (at < this.#end && this.#text.charCodeAt(at) === SPACE) at++
    at = this.#blobEnd(at)
    if (at >= this.#end || this.#text[at] !== ':') return start
    this.isReply = true
    return at + 1
  }

  /** subj-blob = "[" *BLOBCHAR "]" *WSP; where it begins if there is none. */
  #blobEnd(start: number): number {
    const text = this.#text
    const end = this.#end
    if (start >= end || text.charCodeAt(start) !== OPEN) return start
    let at = start + 1
    while (at < end && text.charCodeAt(at) !== OPEN && text.charCodeAt(at) !== CLOSE) at++
    if (at >= end || text.charCodeAt(at) !== CLOSE) return start
    at++
    while (at < end && text.charCodeAt(at) === SPACE) at++
    return at
  }

  #isWordAt(at: number, word: string): boolean {
    return at + word.length <= this.#end && this.#text.slice(at, at + word.length).toLowerCase() === word
  }
}
