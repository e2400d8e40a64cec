/** Values that are wrong for a declared field, with where in the field the mistake is. */
import type { Field } from '#settings/field.ts'

export interface WrongValue {
  readonly what: string
  readonly value: unknown
  /** Below the field, such as `/0` for its first item. */
  readonly below: string
}

const wrong = (what: string, value: unknown, below = ''): WrongValue => ({ what, value, below })

export function wrongValues(field: Field<unknown>): readonly WrongValue[] {
  return [...byKind(field), ...(field.required ? [wrong('null', null)] : [])]
}

function byKind(field: Field<unknown>): readonly WrongValue[] {
  switch (field.kind) {
    case 'boolean':
      return [wrong('a word', 'maybe'), wrong('a number', 5), wrong('an object', {}), wrong('a list', [])]
    case 'integer':
    case 'size':
    case 'duration':
      return [
        wrong('a word', 'lots'),
        wrong('an object', {}),
        wrong('a list', []),
        wrong('far too large', 1e300),
        wrong('a half', 0.5),
        ...(field.bounds?.min === undefined ? [] : [wrong('too small', field.bounds.min - 1)]),
        ...(field.bounds?.max === undefined ? [] : [wrong('too large', field.bounds.max + 1)]),
      ]
    case 'list':
      return [
        wrong('a number', -5),
        ...(field.count === undefined || field.count.max === Infinity
          ? []
          : [wrong('too many', Array(field.count.max + 1).fill(null))]),
        ...(field.item === undefined
          ? []
          : byKind(field.item).map(({ what, value, below }) =>
              wrong(`${what} in a list`, [value], `/0${below}`),
            )),
      ]
    case 'record':
      return [
        wrong('a number', 5),
        wrong('a list', []),
        wrong('an unknown part', { nothing: 1 }, '/nothing'),
        wrong('a part of the prototype', JSON.parse('{"__proto__":{"admin":true}}'), '/__proto__'),
        ...Object.entries(field.parts ?? {}).flatMap(([name, part]) =>
          byKind(part).map(({ what, value, below }) =>
            wrong(`${name}: ${what}`, { [name]: value }, `/${name}${below}`),
          ),
        ),
      ]
    case 'rate':
      return [
        wrong('a word', 'often'),
        wrong('a number', 5),
        wrong('too many', '99999999/1m'),
        wrong('a list', []),
      ]
    case 'enum':
      return [wrong('another word', 'no-such-word'), wrong('a number', 5), wrong('an object', {})]
    case 'dateTime':
      return [wrong('no time', 'yesterday'), wrong('a number', 5), wrong('an object', {})]
    case 'text':
      return [...texts, wrong('too long', 'x'.repeat((field.longest ?? 0) + 1))]
    case 'secret':
      return [...texts, wrong('empty', ''), wrong('too long', 'x'.repeat(65_537))]
    case 'path':
    case 'socketAddress':
    case 'ipNetwork':
      return [...texts, wrong('NUL', 'a\0b'), wrong('too long', 'x'.repeat(5000))]
  }
}

const texts = [
  wrong('a number', 5),
  wrong('true', true),
  wrong('an object', { a: 1 }),
  wrong('a list', ['x', 'y']),
]
