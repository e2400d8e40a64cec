/**
 * A small IMAP client: sends commands, collects what comes back with its literals. For tests and for fetching
 * mail from other servers.
 *
 * It trusts nobody: lines, literals and whole answers are bounded. Responses are kept as bytes, in the form
 * they have on the wire with literals in place; `tokens` takes one apart.
 */
import { asBuffer, latin1 } from '#base/bytes.ts'
import { Fault, SyntaxFault } from '#base/fault.ts'
import type { Connection } from '#net/connection.ts'
import { literalMark } from './wire/reader.ts'

export interface ImapAnswer {
  readonly status: 'OK' | 'NO' | 'BAD'
  /** The response code with its arguments, without brackets. */
  readonly code: string | undefined
  readonly text: string
  /** Untagged responses in order, without `* ` and the last CRLF. */
  readonly untagged: readonly Buffer[]
}

/** A piece of a response. A list is an array, NIL is undefined; a string is bytes, everything else is text. */
export type Token = string | Buffer | undefined | readonly Token[]

export interface ClientLimits {
  readonly lineBytes: number
  readonly literalBytes: number
  /** Of all that one command brings. */
  readonly answerBytes: number
}

const usualLimits: ClientLimits = {
  lineBytes: 1024 * 1024,
  literalBytes: 128 * 1024 * 1024,
  answerBytes: 512 * 1024 * 1024,
}
const crlf = latin1('\r\n')

/** An argument of a command: text as it is, or bytes that go as a literal. */
export type Argument = string | Uint8Array

export class ImapClient {
  readonly #connection: Connection
  readonly #limits: ClientLimits
  #nextTag = 1

  constructor(connection: Connection, limits: Partial<ClientLimits> = {}) {
    this.#connection = connection
    this.#limits = { ...usualLimits, ...limits }
  }

  /** The greeting, or an untagged response while nothing was asked (IDLE). Without `* ` and CRLF. */
  async response(): Promise<Buffer> {
    const response = await this.#read({ left: this.#limits.answerBytes })
    if (response[0] !== 0x2a) throw new SyntaxFault('expected an untagged response', 0)
    return response.subarray(2)
  }

  /** Sends a command, whose literals wait to be asked for, and reads to its tagged answer. */
  async command(...parts: readonly Argument[]): Promise<ImapAnswer> {
    const tag = `c${this.#nextTag++}`
    const untagged: Buffer[] = []
    const budget = { left: this.#limits.answerBytes }
    let line = `${tag} `
    for (const part of parts) {
      if (typeof part === 'string') {
        line += part
        continue
      }
      await this.#send(latin1(`${line}{${part.length}}\r\n`))
      const early = await this.#untilAsked(tag, untagged, budget)
      if (early !== undefined) return early
      await this.#send(part)
      line = ''
    }
    await this.#send(latin1(`${line}\r\n`))
    return this.#untilTagged(tag, untagged, budget)
  }

  /** Begins IDLE. `done` ends it and returns what came in between and was not read. */
  async idle(): Promise<{ done(): Promise<ImapAnswer> }> {
    const tag = `c${this.#nextTag++}`
    const untagged: Buffer[] = []
    const budget = { left: this.#limits.answerBytes }
    await this.#send(latin1(`${tag} IDLE\r\n`))
    const refused = await this.#untilAsked(tag, untagged, budget)
    if (refused !== undefined)
      throw new Fault('unavailable', 'IDLE was refused', {}, { reason: refused.text })
    return {
      done: async () => {
        await this.#send(latin1('DONE\r\n'))
        return this.#untilTagged(tag, untagged, budget)
      },
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    await this.#connection.write(bytes)
    await this.#connection.flush()
  }

  /** Reads to the server's go-ahead; the answer where it refuses instead. */
  async #untilAsked(
    tag: string,
    untagged: Buffer[],
    budget: { left: number },
  ): Promise<ImapAnswer | undefined> {
    for (;;) {
      const response = await this.#read(budget)
      if (response[0] === 0x2b) return undefined
      const answer = collect(tag, response, untagged)
      if (answer !== undefined) return answer
    }
  }

  async #untilTagged(tag: string, untagged: Buffer[], budget: { left: number }): Promise<ImapAnswer> {
    for (;;) {
      const answer = collect(tag, await this.#read(budget), untagged)
      if (answer !== undefined) return answer
    }
  }

  /** One response with its literals. */
  async #read(budget: { left: number }): Promise<Buffer> {
    const pieces: Buffer[] = []
    for (;;) {
      const line = await this.#connection.readLine(this.#limits.lineBytes)
      if (line === undefined) throw new Fault('unavailable', 'The server ended the connection', {})
      const mark = literalMark(line)
      const bytes = line.length + (mark?.sizeBytes ?? 0)
      budget.left -= bytes
      if (budget.left < 0 || (mark?.sizeBytes ?? 0) > this.#limits.literalBytes) {
        throw new Fault('tooLarge', 'The server sent too much', { limit: this.#limits.answerBytes })
      }
      pieces.push(line)
      if (mark === undefined) return pieces.length === 1 ? line : Buffer.concat(pieces)
      pieces.push(crlf)
      for await (const chunk of this.#connection.readExact(mark.sizeBytes)) pieces.push(chunk)
    }
  }
}

function collect(tag: string, response: Buffer, untagged: Buffer[]): ImapAnswer | undefined {
  if (response[0] === 0x2a) {
    untagged.push(response.subarray(2))
    return undefined
  }
  const line = response.toString('utf8')
  const match = /^(\S+) (OK|NO|BAD)(?: \[([^\]]*)\])?(?: (.*))?$/s.exec(line)
  if (match === null || match[1] !== tag) throw new SyntaxFault('expected the tagged answer', 0)
  return { status: match[2] as ImapAnswer['status'], code: match[3], text: match[4] ?? '', untagged }
}

/** Lists inside each other; no server needs more. */
const maxDepth = 128

/** A response taken apart. Throws SyntaxFault. */
export function tokens(response: Uint8Array): readonly Token[] {
  const bytes = asBuffer(response)
  let at = 0
  const list = (depth: number): Token[] => {
    const found: Token[] = []
    while (at < bytes.length && bytes[at] !== 0x29) {
      if (bytes[at] === 0x20) at++
      else found.push(one(depth))
    }
    return found
  }
  const one = (depth: number): Token => {
    const c = bytes[at]!
    if (c === 0x28) {
      if (depth > maxDepth) throw new SyntaxFault('nested too deeply', at)
      at++
      const inner = list(depth + 1)
      if (bytes[at++] !== 0x29) throw new SyntaxFault('list without an end', at)
      return inner
    }
    if (c === 0x22) return quoted()
    if (c === 0x7b || (c === 0x7e && bytes[at + 1] === 0x7b)) return literal()
    return atom()
  }
  const quoted = (): Buffer => {
    const out: number[] = []
    for (at++; bytes[at] !== 0x22; at++) {
      if (bytes[at] === 0x5c) at++
      if (at >= bytes.length) throw new SyntaxFault('string without an end', at)
      out.push(bytes[at]!)
    }
    at++
    return Buffer.from(out)
  }
  const literal = (): Buffer => {
    const end = bytes.indexOf('}\r\n', at)
    const size = Number(bytes.toString('latin1', bytes.indexOf(0x7b, at) + 1, end))
    if (end === -1 || !Number.isSafeInteger(size)) throw new SyntaxFault('broken literal', at)
    at = end + 3 + size
    return bytes.subarray(end + 3, at)
  }
  const atom = (): string | undefined => {
    const start = at
    // A section holds spaces and lists: `BODY[HEADER.FIELDS (DATE)]`.
    for (let depth = 0; at < bytes.length; at++) {
      const c = bytes[at]!
      if (c === 0x5b) depth++
      else if (c === 0x5d) depth--
      else if (depth <= 0 && (c === 0x20 || c === 0x28 || c === 0x29)) break
    }
    const text = bytes.toString('utf8', start, at)
    return text.toUpperCase() === 'NIL' ? undefined : text
  }
  const found = list(0)
  if (at < bytes.length) throw new SyntaxFault('unexpected ")"', at)
  return found
}
