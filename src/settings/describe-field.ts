/** A field as programs read it: for forms, command lines and those who write clients. */
import type { Field } from './field.ts'
import { Secret } from './secret.ts'

export interface FieldDescription {
  readonly kind: string
  readonly help: string
  /** What would be right, to be put after "must be". */
  readonly allowed: string
  /** What holds where nothing is given; absent where that is nothing. */
  readonly default?: unknown
  readonly required?: true
  readonly settable?: 'atCreation' | 'never'
  readonly restart?: true
  readonly words?: readonly string[]
  readonly item?: FieldDescription
  readonly parts?: Readonly<Record<string, FieldDescription>>
}

function describeField(field: Field<unknown>): FieldDescription {
  const { kind, help, allowed, fallback, required, settable, restart, words, item, parts } = field
  return {
    kind,
    help,
    allowed,
    ...(fallback === undefined || fallback instanceof Secret
      ? {}
      : { default: field.show?.(fallback) ?? fallback }),
    ...(required && { required }),
    ...(settable && { settable }),
    ...(restart && { restart }),
    ...(words && { words }),
    ...(item && { item: describeField(item) }),
    ...(parts && { parts: describeFields(parts) }),
  }
}

export const describeFields = (
  fields: Readonly<Record<string, Field<unknown>>>,
): Readonly<Record<string, FieldDescription>> =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, describeField(field)]))
