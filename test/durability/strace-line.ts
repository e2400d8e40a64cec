/**
 * One line of `strace -f -yy` output as a call: its thread, name, arguments as text, and result; a call that
 * was interrupted by another thread's comes in two lines, which `StraceLines` puts together again.
 */

export interface TracedCall {
  readonly name: string
  /** Between the outer parentheses. */
  readonly args: Buffer
  readonly result: number
  /** Positions in the order of lines: where the call was entered and where it returned. */
  readonly enteredAt: number
  readonly returnedAt: number
}

export interface TracedEntry {
  readonly name: string
  readonly args: Buffer
  readonly enteredAt: number
}

const unfinished = Buffer.from(' <unfinished ...>')
const resumed = Buffer.from(' resumed>')

export class StraceLines {
  readonly #open = new Map<string, TracedEntry>()
  #position = 0

  /** What a line completes, and what it begins. */
  read(line: Buffer): { call?: TracedCall; entry?: TracedEntry } {
    const position = this.#position++
    const space = line.indexOf(0x20)
    const thread = line.toString('latin1', 0, space)
    let at = space
    while (line[at] === 0x20) at++
    if (line[at] === 0x3c) return this.#resume(thread, line, at, position)
    const open = line.indexOf(0x28, at)
    if (open < 0 || line[at] === 0x2d || line[at] === 0x2b) return {}
    const name = line.toString('latin1', at, open)
    if (line.subarray(-unfinished.length).equals(unfinished)) {
      const entry = { name, args: line.subarray(open + 1, -unfinished.length), enteredAt: position }
      this.#open.set(thread, entry)
      return { entry }
    }
    const { end, result } = resultOf(line)
    const args = line.subarray(open + 1, end)
    const entry = { name, args, enteredAt: position }
    return { entry, call: { ...entry, result, returnedAt: position } }
  }

  #resume(thread: string, line: Buffer, at: number, position: number): { call?: TracedCall } {
    const entry = this.#open.get(thread)
    const start = line.indexOf(resumed, at)
    if (entry === undefined || start < 0) return {}
    this.#open.delete(thread)
    const { end, result } = resultOf(line)
    const rest = line.subarray(start + resumed.length, Math.max(end, start + resumed.length))
    return { call: { ...entry, args: Buffer.concat([entry.args, rest]), result, returnedAt: position } }
  }
}

/** Where the arguments end, and the number behind the last `=`. */
function resultOf(line: Buffer): { end: number; result: number } {
  const equals = line.lastIndexOf(') ')
  const text = line.toString('latin1', equals + 1)
  return { end: equals, result: Number.parseInt(/= (-?\d+)/.exec(text)?.[1] ?? '-1', 10) }
}

/** The path behind a descriptor, or undefined: `21</data/lock>` or `35<TCP:[...]>`. */
export function descriptorOf(args: Buffer): { fd: number; path: string } | undefined {
  const open = args.indexOf(0x3c)
  const fd = Number.parseInt(args.toString('latin1', 0, Math.max(open, 0)), 10)
  if (open < 0 || Number.isNaN(fd)) return undefined
  const end = args.indexOf(0x3e, open)
  let close = end
  // `TCP:[a->b]` has a bracket of its own.
  if (args[open + 1] === 0x54 || args[open + 1] === 0x55) close = args.indexOf(']>', open) + 1
  return { fd, path: args.toString('latin1', open + 1, close) }
}

const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, v: 11, f: 12, r: 13, '"': 34, '\\': 92 }
const escapeCodes = new Map(Object.entries(escapes).map(([letter, code]) => [letter.charCodeAt(0), code]))

/** All quoted strings of the arguments as bytes, in order. Throws where strace cut one off. */
export function stringsOf(args: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = args.indexOf(0x22); at >= 0; at = args.indexOf(0x22, at)) {
    const { bytes, end } = readString(args, at + 1)
    if (args[end] === 0x2e) throw new Error('strace cut a string off')
    found.push(bytes)
    at = end
  }
  return found
}

function readString(args: Buffer, start: number): { bytes: Buffer; end: number } {
  const out = Buffer.allocUnsafe(args.length - start)
  let length = 0
  let at = start
  for (; args[at] !== 0x22;) {
    const byte = args[at++]!
    if (byte !== 0x5c) {
      out[length++] = byte
      continue
    }
    const escape = escapeCodes.get(args[at]!)
    if (escape !== undefined) {
      out[length++] = escape
      at++
      continue
    }
    // Up to three octal digits, as few as are unambiguous.
    let value = 0
    for (let digits = 0; digits < 3 && isOctal(args[at]!); digits++) value = value * 8 + args[at++]! - 0x30
    out[length++] = value
  }
  return { bytes: out.subarray(0, length), end: at + 1 }
}

const isOctal = (byte: number): boolean => byte >= 0x30 && byte <= 0x37
