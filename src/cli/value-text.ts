/** Values as people read them: sizes and durations with their units, lists and records laid out. */
import { formatDuration } from '#base/duration.ts'
import { approximateSize, formatSize } from '#base/size.ts'
import { keyOf } from './assignment.ts'
import type { FieldDescription, Fields, Values } from './object-client.ts'

const secretMark = '[secret]'

/** In one line. */
export function shortText(value: unknown, field: FieldDescription | undefined): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return textOf(value, field)
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return numberText(value, field)
  if (Array.isArray(value)) return value.map((one: unknown) => itemText(one, field?.item)).join(' ')
  return unusualParts(value as Values, field)
    .map(([name, one]) => `${name}=${shortText(one, field?.parts?.[name])}`)
    .join(' ')
}

/** Parts of seconds are for programs. */
function textOf(value: string, field: FieldDescription | undefined): string {
  if (field?.kind === 'secret' && value === secretMark) return '(set)'
  return field?.kind === 'dateTime' ? value.replace(/\.\d+Z$/, 'Z') : value
}

/** What is set is shown exactly; what was counted, as people read it. */
function sizeText(bytes: number, { settable }: FieldDescription): string {
  if (bytes === 0) return '0'
  return settable === 'never' ? approximateSize(bytes).replace(/(?=[A-Z])/, ' ') : formatSize(bytes)
}

function numberText(value: number, field: FieldDescription | undefined): string {
  if (field?.kind === 'size' && value >= 0) return sizeText(value, field)
  if (field?.kind === 'duration' && Number.isSafeInteger(value) && value >= 0) return formatDuration(value)
  return String(value)
}

/** An element of a list by what it is called, and what is unusual about it. */
function itemText(value: unknown, item: FieldDescription | undefined): string {
  const key = item?.parts === undefined ? undefined : keyOf(item)
  if (key === undefined || typeof value !== 'object' || value === null) return shortText(value, item)
  const { [key]: called, ...others } = value as Record<string, unknown>
  const unusual = Object.entries(others).filter(
    ([name, one]) => JSON.stringify(one) !== JSON.stringify(item!.parts![name]?.default),
  )
  const more = unusual.map(([name, one]) => `${name}=${shortText(one, item!.parts![name])}`)
  return more.length === 0
    ? shortText(called, undefined)
    : `${shortText(called, undefined)} (${more.join(', ')})`
}

/** The lines that a value takes below its name. */
function linesOf(value: unknown, field: FieldDescription | undefined): readonly string[] {
  if (Array.isArray(value)) return value.map((one: unknown) => itemText(one, field?.item))
  if (typeof value === 'object' && value !== null)
    return unusualParts(value as Values, field).map(([name, one]) =>
      `${name}: ${shortText(one, field?.parts?.[name])}`.trimEnd(),
    )
  // Such as a certificate in PEM.
  return shortText(value, field).trimEnd().split('\n')
}

const unusualParts = (value: Values, field: FieldDescription | undefined): readonly [string, unknown][] =>
  Object.entries(value).filter(
    ([name, one]) => JSON.stringify(one) !== JSON.stringify(field?.parts?.[name]?.default),
  )

/** Settings say where each value is from: it stands behind the value. */
const originsField = 'origins'

/** All fields that were described, in that order, each with its lines; those that are empty only where asked for. */
export function describedPairs(
  values: Values,
  fields: Fields,
  wanted?: readonly string[],
): readonly (readonly [string, readonly string[]])[] {
  const names = wanted ?? ['id', ...Object.keys(fields), 'revision']
  const origins = (values[originsField] ?? {}) as Values
  return names
    .filter((name) => Object.hasOwn(values, name) && (name !== originsField || wanted !== undefined))
    .map((name) => {
      const lines = linesOf(values[name], fields[name])
      const origin = origins[name]
      if (typeof origin !== 'string') return [name, lines] as const
      // A text of several lines is there to be copied.
      const isText = typeof values[name] === 'string' && lines.length > 1
      if (isText) return [name, [`(from ${origin})`, ...lines]] as const
      return [name, [`${lines[0] ?? ''}  (from ${origin})`.trim(), ...lines.slice(1)]] as const
    })
    .filter(([, lines]) => wanted !== undefined || lines.some((line) => line !== ''))
}
