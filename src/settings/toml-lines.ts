/**
 * Where each key of a TOML document stands, which the TOML library does not tell. Runs over a text that the
 * library has already accepted, so it only has to find statements and their keys (TOML 1.0: Keys, Table,
 * Array of Tables); the keys themselves are read by the library. Keys inside inline tables count as standing
 * where the statement that holds them begins.
 */
import { parse } from 'smol-toml'

/** Elements of arrays of tables appear as their index: `server`, `listener`, `0`, `bind`. */
export type RawPath = readonly string[]

/** Line numbers from 1, by path. */
export class TomlLines {
  readonly #lines = new Map<string, number>()

  /** The line of a path, or of the nearest thing around it that was written out. */
  lineOf(path: RawPath): number {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(keyOf(path.slice(0, length)))
      if (line !== undefined) return line
    }
    return 1
  }

  /** The first mention counts. */
  record(path: RawPath, line: number): void {
    const key = keyOf(path)
    if (!this.#lines.has(key)) this.#lines.set(key, line)
  }
}

const keyOf = (path: RawPath): string => path.join('\0')

export function findTomlLines(text: string): TomlLines {
  const lines = new TomlLines()
  const scanner = new Scanner(text)
  const arrayLengths = new Map<string, number>()
  let table: RawPath = []
  while (scanner.toNextStatement()) {
    const line = scanner.line
    if (!scanner.take('[')) {
      lines.record([...table, ...keysOf(scanner.takeKey('='))], line)
      scanner.skipValue()
      continue
    }
    const isArray = scanner.take('[')
    table = resolveHeader(keysOf(scanner.takeKey(']')), isArray, arrayLengths, (path) =>
      lines.record(path, line),
    )
    if (isArray) scanner.take(']')
  }
  return lines
}

/** The path that a header opens: names of arrays of tables are followed by the index of their last element. */
function resolveHeader(
  keys: readonly string[],
  isArray: boolean,
  arrayLengths: Map<string, number>,
  record: (path: RawPath) => void,
): RawPath {
  const path: string[] = []
  keys.forEach((key, i) => {
    path.push(key)
    const opensElement = isArray && i === keys.length - 1
    const length = arrayLengths.get(keyOf(path)) ?? 0
    if (!opensElement && length === 0) return
    if (opensElement) {
      record(path)
      arrayLengths.set(keyOf(path), length + 1)
    }
    path.push(String(opensElement ? length : length - 1))
  })
  record(path)
  return path
}

/** Reads `a."b.c".d` with the library: the path to the only value of a document with that key. */
function keysOf(text: string): readonly string[] {
  const keys: string[] = []
  let at: unknown = parse(`${text} = 0`)
  while (typeof at === 'object' && at !== null) {
    const key = Object.keys(at)[0]!
    keys.push(key)
    at = (at as Record<string, unknown>)[key]
  }
  return keys
}

class Scanner {
  readonly #text: string
  #at = 0
  line = 1

  constructor(text: string) {
    this.#text = text
    if (text.startsWith('\uFEFF')) this.#at = 1
  }

  #step(count = 1): void {
    for (let i = 0; i < count; i++) if (this.#text[this.#at++] === '\n') this.line++
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#step()
    return true
  }

  /** Past blank space and comments; false at the end of the text. */
  toNextStatement(): boolean {
    for (; this.#at < this.#text.length; this.#step()) {
      const c = this.#text[this.#at]!
      if (c === '#') this.#toLineEnd()
      else if (!' \t\r\n'.includes(c)) return true
    }
    return false
  }

  /** To the line end, which is not taken. */
  #toLineEnd(): void {
    const end = this.#text.indexOf('\n', this.#at)
    this.#at = end === -1 ? this.#text.length : end
  }

  /** The text up to `end`, which is taken; quoted parts may hold it. */
  takeKey(end: '=' | ']'): string {
    const start = this.#at
    while (this.#at < this.#text.length && this.#text[this.#at] !== end) this.#skipQuotedOrOne()
    const key = this.#text.slice(start, this.#at)
    this.#step()
    return key
  }

  /** To the end of the statement: the first line end outside strings and brackets. */
  skipValue(): void {
    let depth = 0
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at]!
      if (c === '\n' && depth === 0) return
      if (c === '[' || c === '{') depth++
      else if (c === ']' || c === '}') depth--
      if (c === '#') this.#toLineEnd()
      else this.#skipQuotedOrOne()
    }
  }

  #skipQuotedOrOne(): void {
    const quote = this.#text[this.#at]!
    if (quote !== '"' && quote !== "'") return this.#step()
    const triple = quote.repeat(3)
    const mark = this.#text.startsWith(triple, this.#at) ? triple : quote
    this.#step(mark.length)
    while (this.#at < this.#text.length && !this.#text.startsWith(mark, this.#at))
      this.#step(quote === '"' && this.#text[this.#at] === '\\' ? 2 : 1)
    this.#step(mark.length)
    // Up to two quotes may stand right before the three that end a multi-line string.
    if (mark === triple) while (this.#text[this.#at] === quote) this.#step()
  }
}
