/**
 * Patterns of LIST and LSUB (RFC 9051 §6.3.9): `*` stands for anything, `%` for anything without a delimiter.
 *
 * The work for one name is at most its length times that of the pattern, whatever the wildcards; patterns
 * beyond a sane length match nothing, as the RFC allows.
 */
import { canonicalName, delimiter, inboxName } from '../namespace/mailbox-name.ts'

const longestPattern = 1024

export class ListPattern {
  readonly #pattern: string
  /** The pattern has `%`, so that it asks for one level. */
  readonly asksForLevel: boolean

  /** `pattern` is the reference with the pattern behind it. */
  constructor(pattern: string) {
    // Several wildcards side by side say no more than the strongest of them.
    this.#pattern = canonicalName(pattern).replace(/[*%]{2,}/g, (run) => (run.includes('*') ? '*' : '%'))
    this.asksForLevel = this.#pattern.includes('%')
  }

  matches(path: string): boolean {
    return this.#run(path, false)
  }

  /** Whether a path that begins so, and goes on, could match. */
  mayMatchBelow(prefix: string): boolean {
    return this.#run(prefix, true)
  }

  /** `isOpen`: it is enough that a part of the pattern takes the whole path. */
  #run(path: string, isOpen: boolean): boolean {
    const pattern = this.#pattern
    if (pattern.length > longestPattern) return false
    const isInbox = path === inboxName || path.startsWith(`${inboxName}${delimiter}`)
    /** Which prefixes of the path what was read of the pattern can stand for. */
    let live = new Uint8Array(path.length + 1)
    live[0] = 1
    for (let p = 0; p < pattern.length; p++) {
      const next = new Uint8Array(path.length + 1)
      const c = pattern[p]!
      const some =
        c === '*' || c === '%'
          ? spread(live, next, path, c === '%')
          : step(live, next, path, c, isInbox ? inboxName.length : 0)
      if (!some) return false
      live = next
      if (isOpen && live[path.length] === 1) return true
    }
    return live[path.length] === 1
  }
}

/** A wildcard: every place behind a live one is live, for `%` up to the next delimiter. */
function spread(live: Uint8Array, next: Uint8Array, path: string, oneLevel: boolean): boolean {
  let isOn = false
  for (let i = 0; i <= path.length; i++) {
    if (live[i] === 1) isOn = true
    if (isOn) next[i] = 1
    if (oneLevel && path[i] === delimiter) isOn = false
  }
  return true
}

/** A character: those places are live that it leads to. INBOX, the first `caseless` characters, has no case. */
function step(live: Uint8Array, next: Uint8Array, path: string, c: string, caseless: number): boolean {
  let some = false
  for (let i = 0; i < path.length; i++) {
    if (live[i] !== 1 || (path[i] !== c && !(i < caseless && path[i] === c.toUpperCase()))) continue
    next[i + 1] = 1
    some = true
  }
  return some
}
