/**
 * The replies of a server (RFC 5321 §4.2), read from whatever pieces they come in, and bounded: a server that
 * talks without end is one that does not answer.
 */
import { SyntaxFault } from '#base/fault.ts'

export interface ServerReply {
  readonly code: number
  /** RFC 3463, of the first line that has one: `5.1.1`. */
  readonly enhanced: string | undefined
  /** Without codes; printable, invalid UTF-8 replaced. */
  readonly lines: readonly string[]
}

/** RFC 5321 §4.5.3.1.5 says 512; some servers say more. */
const longestLine = 2048
const mostLines = 200

const utf8 = new TextDecoder('utf-8')

export class ReplyReader {
  #buffered: Buffer = Buffer.alloc(0)
  /** What came behind it. */
  #pieces: Buffer[] = []
  #pending = 0
  #lines: string[] = []
  #code = 0
  #enhanced: string | undefined

  /** Bytes that are no whole line yet, or lines of a reply that were not asked for. */
  get pending(): number {
    return this.#pending
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#pending += piece.length
  }

  /** The next whole reply, undefined where it has not come yet. Throws SyntaxFault for what is none. */
  next(): ServerReply | undefined {
    if (this.#pieces.length > 0) this.#buffered = Buffer.concat([this.#buffered, ...this.#pieces])
    this.#pieces = []
    for (;;) {
      const end = this.#buffered.indexOf(0x0a)
      if (end < 0) {
        if (this.#buffered.length > longestLine) throw new SyntaxFault('reply line too long', 0)
        return undefined
      }
      if (end > longestLine) throw new SyntaxFault('reply line too long', 0)
      const line = utf8.decode(this.#buffered.subarray(0, end)).replace(/\r$/, '')
      this.#buffered = this.#buffered.subarray(end + 1)
      this.#pending = this.#buffered.length
      const reply = this.#line(line)
      if (reply !== undefined) return reply
    }
  }

  #line(line: string): ServerReply | undefined {
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line)
    if (match === null) throw new SyntaxFault('not a reply', 0)
    const code = Number(match[1])
    // RFC 5321 §4.2.1: all lines of a reply have the same code.
    if (this.#lines.length > 0 && code !== this.#code) throw new SyntaxFault('codes of one reply differ', 0)
    if (this.#lines.length >= mostLines) throw new SyntaxFault('reply too long', 0)
    this.#code = code
    const text = (match[3] ?? '').replaceAll(/\p{Cc}/gu, ' ')
    const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(text)
    if (enhanced !== null) this.#enhanced ??= enhanced[1]!
    this.#lines.push(text)
    if (match[2] === '-') return undefined
    const reply = { code, enhanced: this.#enhanced, lines: this.#lines }
    this.#lines = []
    this.#enhanced = undefined
    return reply
  }
}

/** On one line, as people read it: what stands before each of its lines is said once (RFC 8621 §7). */
export function replyText({ code, enhanced, lines }: ServerReply): string {
  const repeated = `${enhanced} `
  const rest = lines.map((line, i) =>
    i > 0 && line.startsWith(repeated) ? line.slice(repeated.length) : line,
  )
  return `${code} ${rest.filter((line) => line !== '').join(' ')}`.slice(0, 1000).trim()
}
