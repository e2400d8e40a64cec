/**
 * The OPT pseudo-record of EDNS (RFC 6891 §6.1): how large an answer may be, and options. What is written:
 * our buffer size and padding for encrypted transports. What is read: the upper bits of the response code,
 * and errors in more words (RFC 8914). Other options are passed over.
 */
import type { WireReader } from './wire-reader.ts'

export const optCode = 41
/** Fits into one packet everywhere: larger answers come over TCP and cannot be forged by fragments. */
const udpPayload = 1232

const paddingOption = 12
const extendedErrorOption = 15
/** RFC 8467 §4.1: queries are padded to a multiple of it. */
const paddingBlock = 128
const optHeaderBytes = 11
const optionHeaderBytes = 4
const longestShownText = 200

export interface ExtendedError {
  /** RFC 8914 §4. */
  readonly code: number
  /** Printable, made short. */
  readonly text: string
}

/** The codes by which a validating resolver says that signatures are wrong: RFC 8914 §4.7 and the following. */
const bogusCodes: ReadonlySet<number> = new Set([6, 7, 8, 9, 10, 11, 12])
export const saysBogus = (errors: readonly ExtendedError[]): boolean =>
  errors.some(({ code }) => bogusCodes.has(code))

/** The record for the end of a query of `before` bytes. `isPadded`: hide how long the name is (RFC 7830). */
export function encodeOpt(before: number, isPadded: boolean): Buffer {
  const least = before + optHeaderBytes + optionHeaderBytes
  const padding = isPadded ? (paddingBlock - (least % paddingBlock)) % paddingBlock : 0
  const length = isPadded ? optionHeaderBytes + padding : 0
  const opt = Buffer.alloc(optHeaderBytes + length)
  opt.writeUInt16BE(optCode, 1)
  opt.writeUInt16BE(udpPayload, 3)
  opt.writeUInt16BE(length, 9)
  if (isPadded) {
    opt.writeUInt16BE(paddingOption, 11)
    opt.writeUInt16BE(padding, 13)
  }
  return opt
}

export interface Opt {
  /** To be shifted left by four and added to the code in the header. */
  readonly upperRcode: number
  readonly errors: readonly ExtendedError[]
}

/** `ttl` is what stands where other records have it; `r` has the options. Throws SyntaxFault. */
export function readOpt(ttl: number, r: WireReader): Opt {
  const errors: ExtendedError[] = []
  while (r.left > 0) {
    const code = r.u16()
    const option = r.part(r.u16())
    if (code === extendedErrorOption) errors.push(readExtendedError(option))
  }
  return { upperRcode: ttl >>> 24, errors }
}

function readExtendedError(r: WireReader): ExtendedError {
  const code = r.u16()
  const text = r.take(r.left).toString('utf8').slice(0, longestShownText)
  return { code, text: text.replaceAll(/[^\x20-\x7e\u00a0-\uffff]+/g, ' ').trim() }
}
