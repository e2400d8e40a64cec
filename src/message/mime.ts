/**
 * The structure of a message (RFC 5322, RFC 2045, RFC 2046), read while its bytes go by.
 *
 * The parser is pushed chunks of any size and never keeps more than bounded pieces of headers, the
 * beginning of one text part and the beginning of one line, whatever the size of the message. It accepts
 * any bytes, takes linear time, and gives the same result however the bytes are split. Lines end with
 * CRLF or a bare LF; a bare CR is an ordinary byte. Delimiters of every enclosing multipart are
 * recognised at any depth (RFC 2046 §5.1.2). Where a header ends is said in `headers.ts`.
 */
import { asBuffer } from '#base/bytes.ts'
import { Capture } from './capture.ts'
import { FirstText } from './first-text.ts'
import { lineKind, LINE_PREFIX } from './headers.ts'
import { summarize } from './message-summary.ts'
import { OpenPart } from './open-part.ts'
import { HeaderReader, type MessageFields } from './part-header.ts'
import { PLAIN_PREFIX } from './preview.ts'
import type { MessageStructure, Part } from './structure.ts'

export interface ParseLimits {
  /** Multiparts and messages inside each other; deeper ones are leaves. */
  readonly depth: number
  /** Parts in all; what follows the last is one opaque leaf. */
  readonly parts: number
  /** Read of one header. */
  readonly headerBytes: number
  /** Read of all headers; when that is used up, no more parts are told apart. */
  readonly totalHeaderBytes: number
}

const defaultLimits: ParseLimits = {
  depth: 50,
  parts: 1000,
  // What SMTP takes by default: a body of which the header was not read to its end cannot be shown.
  headerBytes: 256 * 1024,
  totalHeaderBytes: 512 * 1024,
}

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
/** Kept of a line that a chunk's end cut: enough for every decision and for a plain preview. */
const LINE_KEPT = Math.max(LINE_PREFIX, PLAIN_PREFIX)
/** Looking for a line end byte by byte is faster than a search up to about here. */
const NEAR = 8

export class StructureParser {
  readonly #limits: ParseLimits
  /** From the root to the innermost open part. */
  readonly #open: OpenPart[] = []
  #parts = 0
  #headerBudget: number
  /** Multiparts on the stack whose delimiters are looked for, and messages that are looked into. */
  #delimiters = 0
  #messages = 0
  /** Which line ends matter: those in text and in messages. */
  #isCounting = true
  #inHeader = false
  #fieldSeen = false
  /** The first of the lines at the header's end so far that are no fields, -1 if there is none. */
  #junkStart = -1
  #junkLines = 0
  readonly #header = new Capture()
  readonly #text = new FirstText()
  #message: MessageFields | undefined
  #root: Part | undefined

  /** The current chunk and the offset of its first byte. */
  #chunk: Buffer = Buffer.alloc(0)
  #base = 0
  /** Line ends seen, as far as they are counted, and the length of the last one (0 at the very start). */
  #lines = 0
  #lastEol = 0
  /** The line that is looked at: where it and the next one begin in the message, and the length of its end. */
  #offset = 0
  #next = 0
  #eol = 0
  /** A line that the end of a chunk cut: its beginning, its length so far (-1: none), its last byte. */
  #cut: Buffer = Buffer.alloc(0)
  #cutLength = -1
  #cutStart = 0
  #cutLast = 0

  constructor(limits: Partial<ParseLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits }
    this.#headerBudget = this.#limits.totalHeaderBytes
    this.#beginPart(0, true, false)
  }

  /** Takes the next bytes of the message. They may be reused by the caller afterwards. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    const bytes = asBuffer(chunk)
    this.#chunk = bytes
    let at = this.#cutLength >= 0 ? this.#finishCutLine(bytes) : 0
    while (at < bytes.length) at = this.#inHeader ? this.#oneLine(bytes, at) : this.#bodyLines(bytes, at)
    this.#header.leaveChunk(bytes)
    this.#text.capture.leaveChunk(bytes)
    this.#base += bytes.length
  }

  /** The message is complete. */
  end(): MessageStructure {
    const size = this.#base
    this.#chunk = this.#chunk.subarray(this.#chunk.length)
    if (this.#cutLength >= 0) {
      this.#offset = this.#cutStart
      this.#next = size
      this.#eol = 0
      this.#line(this.#cut, 0, Math.min(this.#cutLength, LINE_KEPT))
      this.#cutLength = -1
    }
    this.#interruptHeader(size, size)
    this.#closeDownTo(0, size, 0)
    return summarize(this.#root!, this.#message!, this.#text.preview, size)
  }

  // ---- lines

  #oneLine(bytes: Buffer, at: number): number {
    const lf = bytes.indexOf(LF, at)
    if (lf < 0) return this.#cutLine(bytes, at)
    const end = lf > at && bytes[lf - 1] === CR ? lf - 1 : lf
    this.#offset = this.#base + at
    this.#next = this.#base + lf + 1
    this.#eol = lf + 1 - end
    this.#line(bytes, at, end)
    return lf + 1
  }

  /** From the start of a line: to the next line that may be a delimiter, or to the end of the chunk. */
  #bodyLines(bytes: Buffer, at: number): number {
    if (this.#delimiters === 0) {
      this.#passLines(bytes, at, bytes.length)
      return bytes.length
    }
    if (bytes[at] === DASH && (at + 1 >= bytes.length || bytes[at + 1] === DASH))
      return this.#oneLine(bytes, at)
    const next = bytes.indexOf('\n--', at, 'latin1')
    const lastLf = next >= 0 ? next : bytes.lastIndexOf(LF)
    if (lastLf < at) return this.#cutLine(bytes, at)
    this.#passLines(bytes, at, lastLf + 1)
    this.#lastEol = lastLf > at && bytes[lastLf - 1] === CR ? 2 : 1
    return next >= 0 || lastLf + 1 === bytes.length ? lastLf + 1 : this.#cutLine(bytes, lastLf + 1)
  }

  #passLines(bytes: Buffer, start: number, end: number): void {
    if (!this.#isCounting) return
    let lines = 0
    let at = start
    while (at < end) {
      const near = at + NEAR < end ? at + NEAR : end
      while (at < near && bytes[at] !== LF) at++
      if (at === near) {
        if (at === end) break
        at = bytes.indexOf(LF, at)
        if (at < 0 || at >= end) break
      }
      lines++
      at++
    }
    this.#lines += lines
  }

  /** The line that begins at `at` goes on in the next chunk. */
  #cutLine(bytes: Buffer, at: number): number {
    if (this.#cut.length === 0) this.#cut = Buffer.allocUnsafe(LINE_KEPT)
    this.#cutLength = 0
    this.#cutStart = this.#base + at
    this.#extendCutLine(bytes, at, bytes.length)
    return bytes.length
  }

  #extendCutLine(bytes: Buffer, start: number, end: number): void {
    if (end === start) return
    if (this.#cutLength < LINE_KEPT) bytes.copy(this.#cut, this.#cutLength, start, end)
    this.#cutLength += end - start
    this.#cutLast = bytes[end - 1]!
  }

  #finishCutLine(bytes: Buffer): number {
    const lf = bytes.indexOf(LF)
    this.#extendCutLine(bytes, 0, lf < 0 ? bytes.length : lf)
    if (lf < 0) return bytes.length
    const eol = this.#cutLength > 0 && this.#cutLast === CR ? 2 : 1
    const length = Math.min(this.#cutLength - (eol - 1), LINE_KEPT)
    this.#offset = this.#cutStart
    this.#next = this.#base + lf + 1
    this.#eol = eol
    this.#line(this.#cut, 0, length)
    this.#cutLength = -1
    return lf + 1
  }

  /**
   * One line of a header, or one of a body that may be a delimiter. `[start, end)` is its beginning in `bytes`.
   */
  #line(bytes: Buffer, start: number, end: number): void {
    if (this.#takeDelimiter(bytes, start, end)) return
    while (this.#inHeader) {
      const kind = lineKind(bytes, start, end)
      if (kind === 'empty') {
        this.#countLine()
        this.#finishHeader(this.#next, this.#next, true)
        return
      }
      const isJunk = kind === 'junk' || (kind === 'mbox' && this.#fieldSeen)
      if (kind === 'dashes' || (!this.#fieldSeen && (isJunk || kind === 'continuation'))) {
        this.#finishHeader(this.#offset, this.#offset, false)
        // It may be a delimiter of the multipart that the header has just declared.
        if (kind === 'dashes' && this.#takeDelimiter(bytes, start, end)) return
        continue
      }
      this.#noteHeaderLine(kind === 'field', isJunk)
      break
    }
    this.#countLine()
  }

  #noteHeaderLine(isField: boolean, isJunk: boolean): void {
    if (isField) {
      this.#fieldSeen = true
      this.#junkStart = -1
    } else if (isJunk && this.#junkStart < 0) {
      this.#junkStart = this.#offset
      this.#junkLines = this.#lines
    }
  }

  #countLine(): void {
    if (this.#eol > 0) this.#lines++
    this.#lastEol = this.#eol
  }

  // ---- delimiters

  #takeDelimiter(bytes: Buffer, start: number, end: number): boolean {
    if (this.#delimiters === 0 || bytes[start] !== DASH || bytes[start + 1] !== DASH) return false
    const found = this.#findDelimiter(bytes, start, end)
    if (found < 0) return false
    const multipart = this.#open[found]!
    const before = this.#offset - this.#lastEol
    this.#interruptHeader(this.#offset, before)
    this.#closeDownTo(found + 1, before, this.#lastEol > 0 ? 1 : 0)
    this.#countLine()
    const after = start + multipart.delimiter!.length
    if (end - after >= 2 && bytes[after] === DASH && bytes[after + 1] === DASH) {
      multipart.delimiter = undefined
      this.#delimiters--
      // Without any part, the whole body is shown as text.
      this.#isCounting = this.#messages > 0 || multipart.children.length === 0
    } else {
      if (multipart.children.length === 0) this.#text.capture.cancel()
      this.#beginPart(this.#next, false, multipart.contentType.subtype === 'digest')
    }
    return true
  }

  /**
   * RFC 2046 §5.1.1: it is enough that the boundary stands at the line's beginning. The longest one wins,
   * since one boundary is often the beginning of another; of equal ones the innermost.
   */
  #findDelimiter(bytes: Buffer, start: number, end: number): number {
    let found = -1
    let foundLength = 0
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const delimiter = this.#open[i]!.delimiter
      if (delimiter === undefined || delimiter.length <= foundLength || delimiter.length > end - start)
        continue
      let at = delimiter.length - 1
      while (at >= 2 && bytes[start + at] === delimiter[at]) at--
      if (at < 2) {
        found = i
        foundLength = delimiter.length
      }
    }
    return found
  }

  // ---- parts

  #beginPart(offset: number, ofMessage: boolean, inDigest: boolean): void {
    const part = new OpenPart(offset, ofMessage, inDigest)
    part.linesBefore = this.#lines
    this.#open.push(part)
    this.#parts++
    this.#inHeader = true
    this.#fieldSeen = false
    this.#junkStart = -1
    if (this.#parts > 1 && (this.#parts >= this.#limits.parts || this.#headerBudget <= 0)) {
      this.#seal()
      return
    }
    const cap = Math.min(this.#limits.headerBytes, Math.max(this.#headerBudget, 0))
    this.#header.begin(offset, offset - this.#base, cap)
  }

  /** The innermost part takes all that follows; no delimiter counts any more. */
  #seal(): void {
    this.#inHeader = false
    for (const part of this.#open) part.delimiter = undefined
    this.#delimiters = 0
    this.#isCounting = this.#messages > 0
  }

  /**
   * The message or a delimiter at `current` ends a header that has no empty line: trailing junk is its
   * body, without junk the body is empty and stands at `end`.
   */
  #interruptHeader(current: number, end: number): void {
    if (!this.#inHeader) return
    const lines = this.#lines
    const isJunk = this.#junkStart >= 0
    if (isJunk) this.#lines = this.#junkLines
    const stop = isJunk ? this.#junkStart : Math.max(end, this.#open.at(-1)!.headerStart)
    while (this.#inHeader) this.#finishHeader(stop, current, false)
    this.#lines = lines
  }

  /**
   * `stop` is where the body begins; up to `current` the bytes have been taken for header. `isRegular`
   * says that an empty line ended the header.
   */
  #finishHeader(stop: number, current: number, isRegular: boolean): void {
    const part = this.#open.at(-1)!
    const bytes = this.#header.finish(current, this.#chunk, this.#base)
    const header = bytes.subarray(0, stop - part.headerStart)
    const reader = new HeaderReader(header, part.ofMessage, header.length < stop - part.headerStart)
    this.#headerBudget -= header.length
    this.#inHeader = false
    part.bodyStart = stop
    part.linesBefore = this.#lines
    part.describe(reader.part(), reader.hasContentType, this.#open.length < this.#limits.depth)
    if (part.ofMessage) this.#noteMessage(reader.message())
    if (part.delimiter !== undefined) this.#delimiters++
    this.#isCounting = this.#messages > 0 || part.showsLines || part.isMultipart
    if (this.#messages === 0 && this.#text.wants(part)) {
      const cap = this.#text.capBytes(part, isRegular)
      if (stop < current)
        this.#text.capture.beginWith(bytes.subarray(header.length), stop, this.#chunk.length, cap)
      else this.#beginText(stop, cap)
    }
    if (part.holdsMessage) {
      this.#messages++
      this.#isCounting = true
      this.#beginPart(stop, true, false)
    }
  }

  #noteMessage(fields: MessageFields): void {
    if (this.#open.length === 1) this.#message = fields
    else this.#open.at(-2)!.envelope = fields.envelope
  }

  #closeDownTo(count: number, end: number, excludedLines: number): void {
    while (this.#open.length > count) {
      const part = this.#open.pop()!
      if (part.delimiter !== undefined) this.#delimiters--
      if (part.holdsMessage) this.#messages--
      if (part.bodyStart > end) {
        // The part's own empty line is the line end before the delimiter; so it is for those around it.
        end = part.bodyStart
        excludedLines = 0
      }
      this.#text.finish(part, end, this.#chunk, this.#base)
      const closed = part.close(
        end,
        end === part.bodyStart ? 0 : this.#lines - part.linesBefore - excludedLines,
      )
      const parent = this.#open.at(-1)
      if (parent === undefined) this.#root = closed
      else parent.children.push(closed)
    }
  }

  #beginText(offset: number, cap: number): void {
    const { capture } = this.#text
    if (offset >= this.#base) {
      capture.begin(offset, offset - this.#base, cap)
      return
    }
    // The body begins with a line that the end of a chunk cut.
    const seen = this.#cut.subarray(0, Math.min(this.#cutLength, LINE_KEPT))
    capture.beginWith(seen, offset, offset + this.#cutLength - this.#base, cap)
  }
}

/** The structure of a message that is in memory. */
export function parseStructure(bytes: Uint8Array, limits: Partial<ParseLimits> = {}): MessageStructure {
  const parser = new StructureParser(limits)
  parser.push(bytes)
  return parser.end()
}
