/**
 * Declared fields as JSON Schema (2020-12): what the API gives and takes. Durations are milliseconds and sizes
 * bytes where they are shown; the texts that are taken besides are told in the description.
 */
import type { Field } from './field.ts'
import type { Fields } from './values.ts'

export interface JsonSchema {
  readonly [keyword: string]: unknown
}

/** `required`: a new object must have these fields; a change may leave out what stays. */
export function objectSchema(fields: Fields, o: { readonly required: boolean }): JsonSchema {
  const needed = Object.keys(fields).filter((name) => fields[name]!.required)
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, fieldSchema(field)])),
    ...(o.required && needed.length > 0 ? { required: needed } : {}),
  }
}

export function fieldSchema(field: Field<unknown>): JsonSchema {
  const isOptional = field.fallback === undefined && !field.required
  return {
    ...nullable(valueSchema(field), isOptional),
    ...(field.help === '' ? {} : { title: field.help }),
    ...(field.kind === 'record' || field.kind === 'boolean'
      ? {}
      : { description: `Must be ${field.allowed}.` }),
    ...(isShowable(field)
      ? { default: field.show === undefined ? field.fallback : field.show(field.fallback) }
      : {}),
    ...(field.settable === 'never' ? { readOnly: true } : {}),
    ...(field.kind === 'secret' ? { writeOnly: true } : {}),
    ...(field.restart ? { 'x-restart': true } : {}),
    ...(field.classic === undefined ? {} : { 'x-classic': field.classic }),
  }
}

const isShowable = (field: Field<unknown>): boolean =>
  field.fallback !== undefined && !field.required && field.kind !== 'secret' && field.settable !== 'never'

const nullable = (schema: JsonSchema, isOptional: boolean): JsonSchema => {
  if (!isOptional) return schema
  const { type, enum: words } = schema
  return {
    ...schema,
    type: [...(Array.isArray(type) ? (type as string[]) : [type]), 'null'],
    ...(words === undefined ? {} : { enum: [...(words as string[]), null] }),
  }
}

function valueSchema(field: Field<unknown>): JsonSchema {
  switch (field.kind) {
    case 'boolean':
      return { type: 'boolean' }
    case 'integer':
      return { type: 'integer', ...limitsOf(field) }
    case 'duration':
    case 'size':
      return { type: ['integer', 'string'], ...limitsOf(field) }
    case 'enum':
      return { type: 'string', enum: field.words ?? [] }
    case 'list':
      return {
        type: 'array',
        items: field.item === undefined ? {} : valueSchema(field.item),
        ...countOf(field),
      }
    case 'record':
      return objectSchema(field.parts ?? {}, { required: true })
    case 'dateTime':
      return { type: 'string', format: 'date-time' }
    case 'text':
      return { type: 'string', ...(field.longest === undefined ? {} : { maxLength: field.longest }) }
    case 'rate':
      return { type: ['string', 'object'] }
    case 'secret':
    case 'path':
    case 'socketAddress':
    case 'ipNetwork':
      return { type: 'string' }
  }
}

function limitsOf({ bounds }: Field<unknown>): JsonSchema {
  return {
    ...(bounds?.min === undefined ? {} : { minimum: bounds.min }),
    ...(bounds?.max === undefined ? {} : { maximum: bounds.max }),
  }
}

function countOf({ count }: Field<unknown>): JsonSchema {
  return {
    ...(count === undefined || count.min === 0 ? {} : { minItems: count.min }),
    ...(count === undefined || count.max === Infinity ? {} : { maxItems: count.max }),
  }
}
