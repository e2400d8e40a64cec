/**
 * Macros in SPF records and explanations (RFC 7208 §7): read with their syntax checked, then expanded with
 * what is known of a check. What must hold: reading is linear, and expanding has a bound, however often a
 * record repeats a macro.
 */
import { SyntaxFault } from '#base/fault.ts'

const letters = ['s', 'l', 'o', 'd', 'i', 'p', 'h', 'c', 'r', 't', 'v'] as const
type MacroLetter = (typeof letters)[number]

interface Macro {
  readonly letter: MacroLetter
  /** How many parts from the right are taken; 0 for all. */
  readonly parts: number
  readonly isReversed: boolean
  /** At which characters the value is split; empty where the macro names none. */
  readonly delimiters: string
  readonly isEscaped: boolean
}

/** Literal text and macros in their order. */
export type MacroString = readonly (string | Macro)[]

export type MacroValues = { readonly [letter in MacroLetter]: string }

/** RFC 7208 §7.2: these have no meaning in the record itself. */
const explanationOnly: ReadonlySet<string> = new Set(['c', 'r', 't'])
const delimiters = '.-+,/_='
/** More than any value has. */
const mostParts = 100_000
/** Macros, and texts between them. A name has 127 labels at most, so more of them serve nobody (RFC 7208 §11.1). */
const mostPieces = 255
/** RFC 7208 §7.3: what a name has at most, as text. */
const longestName = 253

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39
const isAlpha = (c: number): boolean => (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a

/** The text that `%%`, `%_` and `%-` stand for. */
const shortForms: { readonly [c: string]: string } = { '%': '%', _: ' ', '-': '%20' }

interface Read {
  readonly string: MacroString
  readonly endsInMacro: boolean
}

/** `hasSpaces`: RFC 7208 §7.1 explain-string, macro-string otherwise. */
function read(text: string, hasSpaces: boolean): Read {
  const string: (string | Macro)[] = []
  let endsInMacro = false
  for (let at = 0; at < text.length;) {
    if (string.length === mostPieces) throw new SyntaxFault('too many macros', at)
    if (text[at] !== '%') {
      const start = at
      while (at < text.length && text[at] !== '%') checkLiteral(text, at++, hasSpaces)
      string.push(text.slice(start, at))
      endsInMacro = false
      continue
    }
    endsInMacro = true
    const short = shortForms[text[at + 1] ?? '']
    if (short !== undefined) {
      string.push(short)
      at += 2
    } else if (text[at + 1] === '{') {
      const [macro, end] = readMacro(text, at)
      string.push(macro)
      at = end
    } else throw new SyntaxFault('a "%" must be followed by "{", "%", "_" or "-"', at)
  }
  return { string, endsInMacro }
}

function checkLiteral(text: string, at: number, hasSpaces: boolean): void {
  const c = text.charCodeAt(at)
  if (c < (hasSpaces ? 0x20 : 0x21) || c > 0x7e) throw new SyntaxFault('only printable ASCII is allowed', at)
}

/** The macro that begins at `at`, and where the text goes on. */
function readMacro(text: string, at: number): readonly [Macro, end: number] {
  const letter = text[at + 2]?.toLowerCase()
  const known = letters.find((one) => one === letter)
  if (known === undefined) throw new SyntaxFault(`there is no such macro, only ${letters.join(' ')}`, at)
  const isEscaped = text[at + 2] !== known
  let i = at + 3
  const digits = i
  let parts = 0
  for (; isDigit(text.charCodeAt(i)); i++) parts = Math.min(mostParts, parts * 10 + Number(text[i]))
  // RFC 7208 §7.3: a number of parts is not 0.
  if (i > digits && parts === 0) throw new SyntaxFault('a macro cannot take 0 parts', at)
  const isReversed = text[i] === 'r' || text[i] === 'R'
  if (isReversed) i++
  const start = i
  while (i < text.length && delimiters.includes(text[i]!)) i++
  if (text[i] !== '}') throw new SyntaxFault('a macro is not ended by "}" where it has to be', at)
  return [{ letter: known, parts, isReversed, delimiters: text.slice(start, i), isEscaped }, i + 1]
}

/** RFC 7208 §7.1 macro-string. Throws SyntaxFault. */
export const parseMacroString = (text: string): MacroString => read(text, false).string

/** RFC 7208 §7.1 explain-string. Throws SyntaxFault. */
export const parseExplanation = (text: string): MacroString => read(text, true).string

/** RFC 7208 §7.1 domain-spec. Throws SyntaxFault. */
export function parseDomainSpec(text: string): MacroString {
  if (text === '') throw new SyntaxFault('the domain is missing', 0)
  const { string, endsInMacro } = read(text, false)
  for (const part of string)
    if (typeof part !== 'string' && explanationOnly.has(part.letter))
      throw new SyntaxFault(`the macro ${part.letter} is for explanations only`, 0)
  if (!endsInMacro) checkEnd(string.at(-1) as string)
  return string
}

/** RFC 7208 §7.1 domain-end without a macro: a dot, and a last label that is no number. */
function checkEnd(literal: string): void {
  const end = literal.endsWith('.') ? literal.length - 1 : literal.length
  const dot = literal.lastIndexOf('.', end - 1)
  const label = literal.slice(dot + 1, end)
  if (end === 0 || dot === -1) throw new SyntaxFault('the domain needs two labels at least', 0)
  if (/^\d+$/.test(label)) throw new SyntaxFault('the last label of a domain is not a number', dot + 1)
  if (!/^[a-z\d-]+$/i.test(label) || label.startsWith('-') || label.endsWith('-'))
    throw new SyntaxFault('the last label of the domain is none', dot + 1)
}

/** True where one of these stands in the text. */
export const usesMacro = (string: MacroString, ...wanted: readonly MacroLetter[]): boolean =>
  string.some((part) => typeof part !== 'string' && wanted.includes(part.letter))

/** RFC 7208 §7.3: no delimiter is special at the start, at the end or after another. */
function split(value: string, at: string): string[] {
  if (at.length === 1) return value.split(at)
  const parts: string[] = []
  let start = 0
  for (let i = 0; i <= value.length; i++) {
    if (i < value.length && !at.includes(value[i]!)) continue
    parts.push(value.slice(start, i))
    start = i + 1
  }
  return parts
}

/** RFC 3986 §2.3: everything that is not unreserved is escaped. */
function urlEscape(text: string): string {
  let out = ''
  for (const c of Buffer.from(text)) {
    const isUnreserved = isDigit(c) || isAlpha(c) || c === 0x2d || c === 0x2e || c === 0x5f || c === 0x7e
    out += isUnreserved ? String.fromCharCode(c) : `%${c.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}

function expandPart(part: string | Macro, values: MacroValues): string {
  if (typeof part === 'string') return part
  let text = values[part.letter]
  if (part.parts > 0 || part.isReversed || part.delimiters !== '') {
    const parts = split(text, part.delimiters === '' ? '.' : part.delimiters)
    if (part.isReversed) parts.reverse()
    text = parts.slice(part.parts === 0 ? 0 : -part.parts).join('.')
  }
  return part.isEscaped ? urlEscape(text) : text
}

/**
 * A name to be asked for, without a final dot. Of one that is too long, as many labels from the right as fit
 * (RFC 7208 §7.3). It need not be a name that can exist: labels may be empty or too long (RFC 7208 §4.8).
 */
export function expandDomain(string: MacroString, values: MacroValues): string {
  let text = ''
  // One character more than fits, for the dot that the cut is made at, and one for a final dot.
  for (let i = string.length - 1; i >= 0 && text.length < longestName + 2; i--)
    text = expandPart(string[i]!, values) + text
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  if (name.length <= longestName) return name
  const dot = name.indexOf('.', name.length - longestName - 1)
  return dot === -1 ? '' : name.slice(dot + 1)
}

/** Text for people, cut off after `most` characters. */
export function expandText(string: MacroString, values: MacroValues, most: number): string {
  let text = ''
  for (let i = 0; i < string.length && text.length < most; i++) text += expandPart(string[i]!, values)
  return text.slice(0, most)
}
