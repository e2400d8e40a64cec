/** What differs between an object as it is and as it is to be, field by field, for people and for programs. */
import type { FieldDescription, Fields, Values } from './object-client.ts'
import { shortText } from './value-text.ts'

export interface Difference {
  readonly field: string
  readonly before: unknown
  readonly after: unknown
}

/** Whether two values are the same as JSON; absent and null are the same, the order of a record's parts is nothing. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b || (a ?? undefined) === (b ?? undefined)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((one, i) => sameJson(one, b[i]))
    )
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].every((name) => sameJson((a as Values)[name], (b as Values)[name]))
}

/** Of those fields that somebody may set. */
export function differences(before: Values, after: Values, fields: Fields): readonly Difference[] {
  return Object.entries(fields)
    .filter(([name, field]) => field.settable !== 'never' && !sameJson(before[name], after[name]))
    .map(([field]) => ({ field, before: before[field], after: after[field] }))
}

/** `description: "Al" -> "Alice"`; of lists, what comes and what goes; of records, the parts that differ. */
export function differenceTexts(one: Difference, fields: Fields): readonly string[] {
  const { field, before, after } = one
  const parts = fields[field]?.parts
  if (parts === undefined || !isRecord(before) || !isRecord(after))
    return [valueText(one, fields[field], field)]
  return Object.keys(parts)
    .filter((name) => !sameJson(before[name], after[name]))
    .map((name) => {
      const part = { field: name, before: before[name], after: after[name] }
      return valueText(part, parts[name], `${field}.${name}`)
    })
}

const isRecord = (given: unknown): given is Values =>
  typeof given === 'object' && given !== null && !Array.isArray(given)

function valueText(
  { before, after }: Difference,
  description: FieldDescription | undefined,
  field: string,
): string {
  if (description?.kind === 'secret') return `${field}: is set`
  if (Array.isArray(before) && Array.isArray(after)) {
    const gone = before.filter((one: unknown) => !after.some((other: unknown) => sameJson(one, other)))
    const come = after.filter((one: unknown) => !before.some((other: unknown) => sameJson(one, other)))
    if (gone.length + come.length > 0) {
      const text = (sign: string, all: readonly unknown[]): string =>
        all.map((one) => ` ${sign}${shortText([one], description)}`).join('')
      return `${field}:${text('+', come)}${text('-', gone)}`
    }
    return `${field}: in another order`
  }
  return `${field}: ${quoted(shortText(before, description))} -> ${quoted(shortText(after, description))}`
}

const quoted = (text: string): string => (text === '' || text.includes(' ') ? `"${text}"` : text)
