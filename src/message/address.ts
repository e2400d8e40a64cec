/**
 * Address lists (RFC 5322 §3.4 and §4.4, RFC 6854), read as IMAP shows them (RFC 9051 §7.5.2): groups
 * appear as a start and an end marker, quoting is removed, encoded words are left as they are.
 *
 * Text is one character per byte. Any input gives a list, in linear time; broken lists are read in the
 * way RFC 7103 §7.1 advises: what is no address keeps its words as a local part without a domain.
 */
import { decodeHeaderText } from './encoded-word.ts'

/**
 * One address, or a group's beginning (`host` undefined) or end (`mailbox` undefined too). An address
 * without a domain has an empty host, never an undefined one.
 */
export interface Address {
  /** The display name as it stands in the message, unquoted; encoded words are not decoded. */
  readonly name: string | undefined
  /** A source route, "@a,@b". */
  readonly route: string | undefined
  readonly mailbox: string | undefined
  readonly host: string | undefined
}

/** Of one list, as many addresses as are kept. */
export const MAX_ADDRESSES = 4096

const groupEnd: Address = { name: undefined, route: undefined, mailbox: undefined, host: undefined }

/** The addresses of a header field's unfolded value. */
export function parseAddresses(text: string): readonly Address[] {
  return new AddressReader(text, (quoted) => quoted).read()
}

/** The same, with what was quoted as `ofQuoted` makes it. */
export function parseAddressesWith(text: string, ofQuoted: (quoted: string) => string): readonly Address[] {
  return new AddressReader(text, ofQuoted).read()
}

/** The display name for people: decoded; undefined where there is none. */
export const displayName = (address: Address): string | undefined =>
  address.name === undefined ? undefined : decodeHeaderText(address.name)

/** "local@host" decoded; undefined for the markers of a group. */
export function addrSpec(address: Address): string | undefined {
  if (address.mailbox === undefined || address.host === undefined) return undefined
  const local = decodeHeaderText(address.mailbox)
  return address.host === '' ? local : `${local}@${decodeHeaderText(address.host)}`
}

/** A whole list for people and for search: `Name <local@host>, group:, ...`. */
export function addressText(addresses: readonly Address[]): string {
  const parts: string[] = []
  for (const address of addresses) {
    const spec = addrSpec(address)
    const name =
      spec === undefined ? address.mailbox && decodeHeaderText(address.mailbox) : displayName(address)
    if (spec === undefined) {
      if (name !== undefined) parts.push(`${name}:`)
    } else {
      parts.push(name === undefined || name === '' ? spec : `${name} <${spec}>`)
    }
  }
  return parts.join(', ')
}

const TAB = 0x09
const SPACE = 0x20
const QUOTE = 0x22
const OPEN_COMMENT = 0x28
const CLOSE_COMMENT = 0x29
const COMMA = 0x2c
const COLON = 0x3a
const SEMICOLON = 0x3b
const LESS = 0x3c
const GREATER = 0x3e
const AT = 0x40
const OPEN_LITERAL = 0x5b
const BACKSLASH = 0x5c

const isSpace = (c: number): boolean => c === SPACE || c === TAB || c === 0x0a || c === 0x0d

/** Ends an atom, in a display name or a local part. */
const isSpecial = (c: number): boolean =>
  isSpace(c) ||
  c === QUOTE ||
  c === OPEN_COMMENT ||
  c === COMMA ||
  c === COLON ||
  c === SEMICOLON ||
  c === LESS ||
  c === GREATER ||
  c === AT

class AddressReader {
  readonly #text: string
  readonly #ofQuoted: (quoted: string) => string
  readonly #list: Address[] = []
  #at = 0
  #inGroup = false
  /** The words read since the last separator, and whether white space stood before the last one. */
  #words: string[] = []
  #gaps: boolean[] = []
  #comment: string | undefined
  /** An address in angle brackets, or one without them, read since the last separator. */
  #found: { route: string | undefined; mailbox: string; host: string } | undefined
  #foundInBrackets = false
  /** A quote that never ends was seen: from there on, quotes are ordinary characters. */
  #quotesEnd = true

  constructor(text: string, ofQuoted: (quoted: string) => string) {
    this.#text = text
    this.#ofQuoted = ofQuoted
  }

  read(): readonly Address[] {
    const text = this.#text
    while (this.#at < text.length && this.#list.length < MAX_ADDRESSES) this.#step(text.charCodeAt(this.#at))
    this.#flush()
    if (this.#inGroup) this.#list.push(groupEnd)
    return this.#list
  }

  #step(c: number): void {
    switch (c) {
      case SPACE:
      case TAB:
      case GREATER:
        this.#at++
        break
      case COMMA:
        this.#at++
        this.#flush()
        break
      case SEMICOLON:
        this.#at++
        this.#flush()
        if (this.#inGroup) this.#list.push(groupEnd)
        this.#inGroup = false
        break
      case COLON:
        this.#at++
        this.#startGroup()
        break
      case OPEN_COMMENT:
        this.#comment = this.#readComment()
        break
      case LESS:
        this.#at++
        this.#readAngle()
        break
      case AT:
        this.#at++
        this.#readBareDomain()
        break
      default:
        this.#readWord()
    }
  }

  #readWord(): void {
    const before = this.#at > 0 ? this.#text.charCodeAt(this.#at - 1) : SPACE
    const word = this.#token()
    if (this.#foundInBrackets) return
    this.#words.push(word)
    this.#gaps.push(isSpace(before) || before === CLOSE_COMMENT)
  }

  /** A quoted string without its quotes, an encoded word, or an atom. Always moves on. */
  #token(): string {
    const text = this.#text
    if (text.charCodeAt(this.#at) === QUOTE) {
      const quoted = this.#quotedString()
      if (quoted !== undefined) return this.#ofQuoted(quoted)
    }
    const start = this.#at++
    if (text.startsWith('=?', start)) {
      const end = encodedWordEnd(text, start)
      if (end > 0) this.#at = end
    }
    while (this.#at < text.length && !isSpecial(text.charCodeAt(this.#at))) this.#at++
    return text.slice(text.charCodeAt(start) === QUOTE ? start + 1 : start, this.#at)
  }

  #quotedString(): string | undefined {
    if (!this.#quotesEnd) return undefined
    const text = this.#text
    let value = ''
    let from = this.#at + 1
    for (let at = from; at < text.length; at++) {
      const c = text.charCodeAt(at)
      if (c === QUOTE) {
        this.#at = at + 1
        return value + text.slice(from, at)
      }
      if (c === BACKSLASH && at + 1 < text.length) {
        value += text.slice(from, at)
        from = ++at
      }
    }
    this.#quotesEnd = false
    return undefined
  }

  /** A comment's content; one that never ends reaches to the end of the text. */
  #readComment(): string {
    const text = this.#text
    let depth = 1
    let value = ''
    let from = ++this.#at
    for (; this.#at < text.length; this.#at++) {
      const c = text.charCodeAt(this.#at)
      if (c === BACKSLASH) {
        value += text.slice(from, this.#at)
        from = ++this.#at
      } else if (c === OPEN_COMMENT) {
        depth++
      } else if (c === CLOSE_COMMENT && --depth === 0) {
        break
      }
    }
    value += text.slice(from, this.#at)
    this.#at++
    return value.trim()
  }

  #skipSpace(): void {
    for (; this.#at < this.#text.length;) {
      const c = this.#text.charCodeAt(this.#at)
      if (c === OPEN_COMMENT) this.#readComment()
      else if (isSpace(c)) this.#at++
      else return
    }
  }

  /** Behind "<": an optional route, the local part and the domain, up to ">" (RFC 5322 §4.4). */
  #readAngle(): void {
    const text = this.#text
    this.#skipSpace()
    while (text.charCodeAt(this.#at) === LESS) this.#at++
    let route: string | undefined
    if (text.charCodeAt(this.#at) === AT) {
      const start = this.#at
      while (this.#at < text.length && !':>'.includes(text[this.#at]!)) this.#at++
      if (text.charCodeAt(this.#at) === COLON) {
        route = text.slice(start, this.#at++).replace(/\s+/g, '')
      } else {
        this.#at = start
      }
    }
    let mailbox = ''
    let spaced = false
    for (; this.#at < text.length;) {
      this.#skipSpace()
      const c = text.charCodeAt(this.#at)
      if (c === AT || c === GREATER || c === COMMA || Number.isNaN(c)) break
      if (c === SEMICOLON || c === COLON || c === LESS) {
        this.#at++
        continue
      }
      const token = this.#token()
      mailbox += spaced && !token.startsWith('.') && !mailbox.endsWith('.') ? ` ${token}` : token
      spaced = isSpace(text.charCodeAt(this.#at))
    }
    let host = ''
    if (text.charCodeAt(this.#at) === AT) {
      this.#at++
      host = this.#readDomain(true)
    }
    if (text.charCodeAt(this.#at) === GREATER) this.#at++
    if (this.#foundInBrackets) return
    this.#found = { route, mailbox, host }
    this.#foundInBrackets = true
  }

  /** Behind the "@" of an address without brackets: the last word read is the local part. */
  #readBareDomain(): void {
    const words = this.#words
    if (this.#found !== undefined) {
      this.#readDomain(false)
      return
    }
    let first = words.length - 1
    while (
      first > 0 &&
      (!this.#gaps[first] || words[first]!.startsWith('.') || words[first - 1]!.endsWith('.'))
    ) {
      first--
    }
    const mailbox = words.splice(Math.max(first, 0)).join('')
    this.#found = { route: undefined, mailbox, host: this.#readDomain(false) }
  }

  #readDomain(inBrackets: boolean): string {
    const text = this.#text
    let host = ''
    for (; this.#at < text.length;) {
      const c = text.charCodeAt(this.#at)
      if (c === GREATER || c === COMMA || c === SEMICOLON || c === LESS) break
      if (c === OPEN_COMMENT) {
        const comment = this.#readComment()
        if (!inBrackets) this.#comment = comment
      } else if (c === OPEN_LITERAL) {
        const end = text.indexOf(']', this.#at)
        const literalEnd = end < 0 ? text.length : end + 1
        host += text.slice(this.#at, literalEnd).replace(/\s+/g, '')
        this.#at = literalEnd
      } else if (isSpace(c)) {
        this.#at++
        // Without brackets, a space ends the domain unless a dot stands around it (RFC 5322 §4.4).
        if (!inBrackets && host !== '' && !host.endsWith('.') && !this.#dotFollows()) break
      } else {
        const start = this.#at++
        while (this.#at < text.length && !isDomainEnd(text.charCodeAt(this.#at))) this.#at++
        host += text.slice(start, this.#at)
      }
    }
    return host
  }

  #dotFollows(): boolean {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++
    return this.#text[this.#at] === '.'
  }

  #phrase(): string {
    let phrase = ''
    for (const [i, word] of this.#words.entries()) phrase += i > 0 && this.#gaps[i] ? ` ${word}` : word
    return phrase
  }

  #startGroup(): void {
    if (this.#inGroup || this.#found !== undefined) return
    const name = this.#phrase()
    this.#reset()
    if (name === '') return
    this.#list.push({ name: undefined, route: undefined, mailbox: name, host: undefined })
    this.#inGroup = true
  }

  #flush(): void {
    const phrase = this.#phrase()
    if (this.#found !== undefined) {
      const name = phrase === '' ? this.#comment : phrase
      this.#list.push({ name: name === '' ? undefined : name, ...this.#found })
    } else if (this.#words.length === 1 || (this.#words.length > 1 && !this.#gaps.includes(true, 1))) {
      this.#list.push({ name: this.#comment, route: undefined, mailbox: phrase, host: '' })
    } else if (phrase !== '') {
      this.#list.push({ name: phrase, route: undefined, mailbox: '', host: '' })
    }
    this.#reset()
  }

  #reset(): void {
    this.#words = []
    this.#gaps = []
    this.#comment = undefined
    this.#found = undefined
    this.#foundInBrackets = false
  }
}

const isDomainEnd = (c: number): boolean =>
  isSpace(c) ||
  c === GREATER ||
  c === LESS ||
  c === COMMA ||
  c === SEMICOLON ||
  c === OPEN_COMMENT ||
  c === OPEN_LITERAL

/** Behind an encoded word, which may hold commas and the like although it must not (RFC 2047 §5). */
function encodedWordEnd(text: string, start: number): number {
  let marks = 0
  const limit = Math.min(text.length, start + 256)
  for (let at = start + 2; at < limit; at++) {
    const c = text.charCodeAt(at)
    if (isSpace(c)) return -1
    if (c === 0x3f && ++marks >= 3 && text[at + 1] === '=') return at + 2
  }
  return -1
}
