/**
 * Content-Type and Content-Disposition as they are written. What is not ASCII goes into the form with a charset and
 * percent signs (RFC 2231 §4), long values into several pieces (§3); readers that know neither find a name of ASCII
 * beside it. Encoded words never stand in a parameter (RFC 2047 §5).
 */
import { normalized } from '#base/normalize.ts'
import { FieldWriter, oneLine } from './field-writer.ts'

export interface WrittenParameter {
  readonly name: string
  readonly value: string
}

/** RFC 2045 §5.1. */
export const isToken = (text: string): boolean => /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,128}$/.test(text)

/** "Name: value; parameter=..."; names of parameters must be tokens. */
export function composeParameterField(
  name: string,
  value: string,
  parameters: readonly WrittenParameter[],
): string {
  const field = new FieldWriter(name).add(value)
  for (const parameter of parameters) {
    for (const piece of written(parameter)) {
      field.attach(';')
      field.add(piece)
    }
  }
  return field.end()
}

/** Of a value that stands in one piece. */
const mostPlain = 60
const mostPiece = 50

function written({ name, value }: WrittenParameter): readonly string[] {
  const text = oneLine(value)
  const isAscii = /^[\x20-\x7e]*$/.test(text)
  if (isAscii && text.length <= mostPlain) return [`${name}=${isToken(text) ? text : quoted(text)}`]
  const extended = pieces(text)
  const isOne = extended.length === 1
  return [
    `${name}=${quoted(asciiName(text))}`,
    ...extended.map((piece, i) => `${name}*${isOne ? '' : `${i}*`}=${i === 0 ? `utf-8''${piece}` : piece}`),
  ]
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

/** RFC 2231 §7: attribute-char. */
const isAttribute = (character: string): boolean => /^[A-Za-z0-9!#$&+\-.^_`{|}~]$/.test(character)

function pieces(text: string): readonly string[] {
  const found: string[] = []
  let piece = ''
  for (const character of text) {
    const encoded = isAttribute(character)
      ? character
      : Array.from(
          Buffer.from(character, 'utf8'),
          (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
        ).join('')
    if (piece.length + encoded.length > mostPiece) {
      found.push(piece)
      piece = ''
    }
    piece += encoded
  }
  return [...found, piece]
}

/** Something like the text, for readers that know ASCII only; its ending, which says what it is, stays. */
function asciiName(text: string): string {
  const plain = normalized(text, 'NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^\x20-\x7e]/gu, '_')
    .replace(/["\\]/g, '_')
  if (plain.length <= mostPlain) return plain
  const dot = plain.lastIndexOf('.')
  const ending = dot > 0 && plain.length - dot <= 10 ? plain.slice(dot) : ''
  return plain.slice(0, mostPlain - ending.length) + ending
}
