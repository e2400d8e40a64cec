/**
 * Header fields as they are written: words with the spaces between them, folded at 78 characters where there is a
 * space to fold at (RFC 5322 §2.2.3), and text that is not ASCII as encoded words (RFC 2047).
 *
 * What must always hold: no word ends the field's line; unfolding gives back the very spaces that were written; an
 * encoded word does not split a character.
 */

/** RFC 5322 §2.1.1. */
export const MAX_LINE = 998
const FOLD_AT = 78
/** RFC 2047 §2: a line with an encoded word is shorter, and so is the word. */
const FOLD_ENCODED_AT = 76
const MAX_ENCODED_WORD = 75

export interface Word {
  /** What stands before it: one space or more. */
  readonly space: string
  readonly text: string
}

export class FieldWriter {
  #out: string
  #column: number
  #isEmpty = true

  constructor(name: string) {
    this.#out = `${name}:`
    this.#column = name.length + 1
  }

  /** How long an encoded word may be that still stands on the current line. */
  get room(): number {
    return FOLD_ENCODED_AT - this.#column - 1
  }

  add(text: string, space = ' '): this {
    const limit = isEncodedWord(text) ? FOLD_ENCODED_AT : FOLD_AT
    const width = space.length + text.length
    // Behind the name a fold would leave a line without a value.
    if (this.#column + width > (this.#isEmpty ? MAX_LINE : limit)) {
      this.#out += '\r\n'
      this.#column = 0
    }
    this.#out += space + text
    this.#column += width
    this.#isEmpty = false
    return this
  }

  addAll(words: readonly Word[]): this {
    for (const { text, space } of words) this.add(text, space)
    return this
  }

  /** Something right behind the last word: a comma. */
  attach(text: string): this {
    this.#out += text
    this.#column += text.length
    return this
  }

  /** The field with its line end. */
  end(): string {
    return `${this.#out}\r\n`
  }
}

const isEncodedWord = (text: string): boolean => text.startsWith('=?') && text.endsWith('?=')

/** Line ends and other control characters must not get into a field. */
export const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').toWellFormed()

/** Longer ones are encoded, so that a line can be folded anywhere. */
const longestWord = 200
const mostSpaces = 20

/** Text as the words of an unstructured field; `room` is that of the first encoded word. */
export function textWords(text: string, room: number): readonly Word[] {
  const tokens = oneLine(text).match(/ *[^ ]+(?: +$)?|^ +$/g) ?? []
  const mustEncode = tokens.map(
    (token, i) =>
      !/^[\x20-\x7e]*$/.test(token) ||
      token.includes('=?') ||
      token.length > longestWord ||
      token.endsWith(' ') ||
      (i === 0 && token.startsWith(' ')) ||
      spacesBefore(token) > mostSpaces ||
      spacesBefore(tokens[i + 1] ?? '') > mostSpaces,
  )
  const words: Word[] = []
  for (let i = 0; i < tokens.length;) {
    const first = tokens[i]!
    const space = i === 0 ? ' ' : ' '.repeat(spacesBefore(first))
    if (!mustEncode[i]) {
      words.push({ space, text: first.slice(spacesBefore(first)) })
      i++
      continue
    }
    // White space between two encoded words is not shown, so it is encoded with them.
    let run = i === 0 || spacesBefore(first) > mostSpaces ? first : first.slice(spacesBefore(first))
    while (++i < tokens.length && mustEncode[i]) run += tokens[i]!
    const encoded = encodedWords(run, words.length === 0 ? room : MAX_ENCODED_WORD)
    for (const [n, word] of encoded.entries()) words.push({ space: n === 0 ? cut(space) : ' ', text: word })
  }
  return words
}

/** Only of U+0020: others are text. */
const spacesBefore = (token: string): number => /^ */.exec(token)![0].length
const cut = (space: string): string => (space.length > mostSpaces ? ' ' : space)

/** "=?utf-8?Q?" and "?=" */
const OVERHEAD = 12
/** RFC 2047 §5 (3): what needs no encoding in any place where an encoded word may stand. */
const isPlain = (character: string): boolean => /^[A-Za-z0-9!*+\-/ ]$/.test(character)

/** The text as encoded words, the first of which is not longer than `room` where that is possible. */
export function encodedWords(text: string, room = MAX_ENCODED_WORD): readonly string[] {
  const characters = Array.from(text, (character) => ({ character, bytes: Buffer.from(character, 'utf8') }))
  let plain = 0
  let total = 0
  for (const { character, bytes } of characters) {
    total += bytes.length
    if (isPlain(character)) plain++
  }
  const asQ = plain + 3 * (total - plain) <= Math.ceil(total / 3) * 4
  const words: string[] = []
  let content: typeof characters = []
  let used = 0
  let limit = Math.max(Math.min(room, MAX_ENCODED_WORD), 40) - OVERHEAD
  const end = (): void => {
    words.push(`=?utf-8?${asQ ? `Q?${asQText(content)}` : `B?${asB(content)}`}?=`)
    content = []
    used = 0
    limit = MAX_ENCODED_WORD - OVERHEAD
  }
  for (const one of characters) {
    const width = asQ ? (isPlain(one.character) ? 1 : 3 * one.bytes.length) : one.bytes.length
    const most = asQ ? limit : Math.floor(limit / 4) * 3
    if (used + width > most) end()
    content.push(one)
    used += width
  }
  if (content.length > 0) end()
  return words
}

type Characters = readonly { readonly character: string; readonly bytes: Buffer }[]

const asB = (characters: Characters): string =>
  Buffer.concat(characters.map(({ bytes }) => bytes)).toString('base64')

const asQText = (characters: Characters): string =>
  characters
    .map(({ character, bytes }) =>
      character === ' '
        ? '_'
        : isPlain(character)
          ? character
          : Array.from(bytes, (byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    )
    .join('')
