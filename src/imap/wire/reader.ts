/**
 * Commands as they arrive: lines, and literals between them.
 *
 * A command is gathered whole before it is parsed, in the form it has on the wire, so that its grammar is
 * plain code over bytes; only the messages of APPEND stream past. The server asks for each synchronising
 * literal (RFC 9051 §4.3), and however a command ends, what belongs to it has been consumed: nothing of it
 * can be taken for the next command.
 */
import { latin1 } from '#base/bytes.ts'
import { Fault, isFault } from '#base/fault.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Connection } from '#net/connection.ts'
import { Refusal } from '../errors.ts'
import { Arguments } from './grammar.ts'

const goAhead = latin1('+ OK\r\n')
const crlf = latin1('\r\n')
const nothing = Buffer.alloc(0)
const LBRACE = 0x7b
const RBRACE = 0x7d
const PLUS = 0x2b
const TILDE = 0x7e

export interface ReaderLimits {
  /** Of one line, without its literals. */
  readonly lineBytes: number
  /** Of a command with its literals, apart from the message of APPEND. */
  readonly commandBytes: number
  /** Of a literal that does not wait to be asked. */
  readonly unaskedBytes: number
  /** Of a literal that is read only to be thrown away. */
  readonly skipBytes: number
}

/** `{12}`, `{12+}` or `~{12}` at the end of a line. */
export interface LiteralMark {
  readonly sizeBytes: number
  /** The client waits to be asked. */
  readonly synchronising: boolean
  /** literal8, which may hold NUL (RFC 3516 §4.4). */
  readonly binary: boolean
  /** Where in the line it begins. */
  readonly start: number
}

/** A command up to a literal that is not read with it, or to its end where `mark` is undefined. */
export interface Stretch {
  readonly args: Arguments
  readonly mark: LiteralMark | undefined
}

/** The connection can no longer be understood: say goodbye and close. */
export class ProtocolEnd extends Error {
  /** The code of the BYE, if any. */
  readonly code: string | undefined
  constructor(text: string, code?: string) {
    super(text)
    this.name = 'ProtocolEnd'
    this.code = code
  }
}

/** The literal that a line announces at its end. Sizes beyond what a number holds exactly count as the largest. */
export function literalMark(line: Uint8Array): LiteralMark | undefined {
  let at = line.length - 1
  if (line[at] !== RBRACE) return undefined
  const synchronising = line[--at] !== PLUS
  if (!synchronising) at--
  let sizeBytes = 0
  let scale = 1
  const lastDigit = at
  while (at >= 0 && line[at]! >= 0x30 && line[at]! <= 0x39 && lastDigit - at < 20) {
    sizeBytes = Math.min(Number.MAX_SAFE_INTEGER, sizeBytes + (line[at]! - 0x30) * scale)
    scale *= 10
    at--
  }
  if (at === lastDigit || line[at] !== LBRACE) return undefined
  const binary = at > 0 && line[at - 1] === TILDE
  return { sizeBytes, synchronising, binary, start: binary ? at - 1 : at }
}

export class CommandReader {
  readonly #connection: Connection
  limits: ReaderLimits
  /** What of the command came before the last line: lines with CRLF, and literals. */
  #gathered: Buffer = nothing
  #gatheredBytes = 0
  /** The last line, and the literal that it announces. */
  #line: Buffer = nothing
  #mark: LiteralMark | undefined
  /** Where the arguments begin in the first line. */
  #argumentsAt = 0
  /** Empty where the line has none. */
  tag = ''
  /** In upper case, with the word after UID: `UID FETCH`. Empty where the line has none. */
  name = ''

  constructor(connection: Connection, limits: ReaderLimits) {
    this.#connection = connection
    this.limits = limits
  }

  /**
   * Waits for the first line of the next command, and reads its tag and name: false when no more come. Throws
   * a SyntaxFault where they are not there.
   */
  async next(): Promise<boolean> {
    this.tag = ''
    this.name = ''
    this.#gathered = nothing
    this.#gatheredBytes = 0
    this.#mark = undefined
    this.#line = nothing
    const read = this.#readLine(false)
    if (!(typeof read === 'boolean' ? read : await read)) return false
    const cursor = new Arguments(this.#line)
    this.tag = cursor.tag()
    cursor.sp()
    let name = cursor.word()
    if (name === 'UID' && cursor.take(0x20)) name = `UID ${cursor.word()}`
    this.name = name
    this.#argumentsAt = cursor.at
    return true
  }

  /** The arguments with all their literals; the position is behind the command's name. */
  arguments(): Maybe<Arguments> {
    if (this.#mark === undefined) return this.#parsed(undefined)
    return this.#gather(undefined).then(() => this.#parsed(undefined))
  }

  /**
   * The arguments up to the literal that `isLast` recognises: it is asked with what has come so far, without
   * the announcement.
   */
  async argumentsUntil(isLast: (before: Arguments) => boolean): Promise<Stretch> {
    const mark = await this.#gather(isLast)
    return { args: this.#parsed(mark), mark }
  }

  /** Asks for the announced literal if the client waits to be asked. A Refusal where it should wait and does not. */
  ask(mark: LiteralMark): Maybe<void> {
    if (mark.synchronising) return this.#connection.write(goAhead)
    // RFC 7888 §5
    if (mark.sizeBytes > this.limits.unaskedBytes)
      throw new Refusal('Wait to be asked for a literal of that size', 'TOOBIG', 'BAD')
    return undefined
  }

  /** The bytes of a literal that was asked for. The line after it must be read with `rest`. */
  literal(mark: LiteralMark): AsyncIterable<Buffer> {
    this.#mark = undefined
    return this.#connection.readExact(mark.sizeBytes)
  }

  /** The line behind a literal. */
  async rest(): Promise<Stretch> {
    if (!(await this.#readLine(true))) throw new ProtocolEnd('Connection ended inside a command')
    const mark = this.#mark
    return { args: new Arguments(this.#line, 0, mark?.start ?? this.#line.length), mark }
  }

  /** Consumes what a refused command still sends: literals that do not wait to be asked (RFC 7888 §4). */
  async skip(): Promise<void> {
    while (this.#mark !== undefined && !this.#mark.synchronising) {
      if (this.#mark.sizeBytes > this.limits.skipBytes) throw new ProtocolEnd('Literal too large', 'TOOBIG')
      for await (const chunk of this.literal(this.#mark)) void chunk
      await this.rest()
    }
  }

  /** One line that is not a command: DONE, or an answer to a SASL challenge. */
  continuation(maxBytes: number, continues: boolean): Maybe<Buffer | undefined> {
    // Views of the socket's memory, which a session in IDLE would keep alive for hours.
    this.#line = nothing
    this.#gathered = nothing
    this.#gatheredBytes = 0
    return this.#connection.readLine(maxBytes, { bareLf: 'accept', continues })
  }

  /** True when there is a next line, now in `#line`. */
  #readLine(continues: boolean): Maybe<boolean> {
    try {
      const line = this.#connection.readLine(this.limits.lineBytes, { bareLf: 'accept', continues })
      return line instanceof Promise ? line.then((l) => this.#take(l), lineFault) : this.#take(line)
    } catch (error) {
      return lineFault(error)
    }
  }

  #take(line: Buffer | undefined): boolean {
    if (line === undefined) return false
    this.#line = line
    this.#mark = literalMark(line)
    return true
  }

  /** Takes in literals and the lines after them, to the end of the command or to the last literal. */
  async #gather(isLast: ((before: Arguments) => boolean) | undefined): Promise<LiteralMark | undefined> {
    while (this.#mark !== undefined) {
      const mark = this.#mark
      if (isLast?.(this.#parsed(mark)) === true) return mark
      if (this.#gatheredBytes + this.#line.length + mark.sizeBytes > this.limits.commandBytes) {
        throw new Fault('tooLarge', 'Command too large', { limit: this.limits.commandBytes })
      }
      this.#keep(this.#line)
      this.#keep(crlf)
      await this.ask(mark)
      for await (const chunk of this.literal(mark)) this.#keep(chunk)
      if (!(await this.#readLine(true))) throw new ProtocolEnd('Connection ended inside a command')
    }
    return undefined
  }

  /** Copies: a view of the socket's memory would keep alive much more than itself. */
  #keep(piece: Buffer): void {
    const needed = this.#gatheredBytes + piece.length
    if (needed > this.#gathered.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(512, needed, this.#gathered.length * 2))
      this.#gathered.copy(larger, 0, 0, this.#gatheredBytes)
      this.#gathered = larger
    }
    piece.copy(this.#gathered, this.#gatheredBytes)
    this.#gatheredBytes = needed
  }

  #parsed(until: LiteralMark | undefined): Arguments {
    const line = until === undefined ? this.#line : this.#line.subarray(0, until.start)
    if (this.#gatheredBytes === 0) return new Arguments(line, this.#argumentsAt)
    return new Arguments(
      Buffer.concat([this.#gathered.subarray(0, this.#gatheredBytes), line]),
      this.#argumentsAt,
    )
  }
}

/** The line is gone, and with it whether a literal follows that would now look like commands. */
function lineFault(error: unknown): never {
  if (isFault(error, 'tooLarge')) throw new ProtocolEnd('Line too long')
  throw error
}
