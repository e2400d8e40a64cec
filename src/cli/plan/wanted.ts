/**
 * Compares what a plan wants with what is there. Values are first read as the server reads them, as far as
 * their kinds tell, so that `"10GB"` and 10737418240 are the same and the server is seldom asked.
 */
import { parseDuration } from '#base/duration.ts'
import { parseSize } from '#base/size.ts'
import { holdsSecret } from '../assignment.ts'
import { sameJson } from '../difference.ts'
import type { FieldDescription, Fields, ObjectDescription, Values } from '../object-client.ts'
import type { PlanEntry } from './entry.ts'

/** How the server shows a secret that is set. */
const secretMark = '[secret]'

function asRead(value: unknown, field: FieldDescription): unknown {
  if (value === null || value === undefined) return field.default ?? null
  if (field.kind === 'list') {
    const items = Array.isArray(value) ? (value as unknown[]) : [value]
    return field.item === undefined ? items : items.map((one) => asRead(one, field.item!))
  }
  if (field.kind === 'record' && typeof value === 'object')
    return recordAsRead(value as Values, field.parts ?? {})
  if (field.kind === 'secret') return secretMark
  if (typeof value === 'string') return textAsRead(value, field)
  return field.kind === 'duration' && typeof value === 'number' ? parseDuration(value) : value
}

const recordAsRead = (value: Values, parts: Fields): Values => ({
  ...value,
  ...Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, asRead(value[name], part)])),
})

function textAsRead(text: string, field: FieldDescription): unknown {
  switch (field.kind) {
    case 'size':
      return parseSize(text) ?? text
    case 'duration':
      return parseDuration(text) ?? text
    case 'integer':
      return /^-?\d{1,16}$/.test(text.trim()) ? Number(text) : text
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'enum':
      return field.words?.find((word) => word.toLowerCase() === text.toLowerCase()) ?? text
    default:
      return text
  }
}

/** What a field has that is not said: for a few, another field says it. */
export function unsaid(object: ObjectDescription, name: string, values: Values): unknown {
  if (object.name === 'Account' && name === 'emailAddress') return values['name']
  return object.fields[name]!.default ?? null
}

const isGone = (values: Values, name: string): boolean => (values[name] ?? null) === null

/**
 * What has to be sent so that the object is as the entry wants. `writeSecrets`: also those of an object that is
 * there; else only where the server says that there is none, since nobody can see whether they differ.
 */
export function patchFor(entry: PlanEntry, present: Values, writeSecrets: boolean): Values {
  const { object, values } = entry
  const patch: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(object.fields)) {
    if (field.settable === 'never' || isKeyField(entry, name)) continue
    if (Object.hasOwn(values, name)) {
      if (isDifferent(values[name], present, name, field, writeSecrets)) patch[name] = values[name]
    } else if (entry.complete && !holdsSecret(field) && isOurs(present, name)) {
      const usual = unsaid(object, name, { ...present, ...values })
      if (!sameJson(present[name], usual)) patch[name] = null
    }
  }
  return patch
}

/** The entry was found by it. */
const isKeyField = ({ key, values }: PlanEntry, name: string): boolean =>
  name === 'name' && values['name'] === key

/** Of settings only those that were set here can be put back; the file and the environment stay. */
function isOurs(present: Values, name: string): boolean {
  const { origins } = present
  return typeof origins !== 'object' || origins === null || (origins as Values)[name] === 'store'
}

function isDifferent(
  wanted: unknown,
  present: Values,
  name: string,
  field: FieldDescription,
  writeSecrets: boolean,
): boolean {
  if (field.kind === 'secret')
    return writeSecrets || (Object.hasOwn(present, name) && present[name] === null && wanted !== null)
  if (writeSecrets && holdsSecret(field)) return true
  return (
    !sameJson(present[name], asRead(wanted, field)) &&
    !(isGone(present, name) && asRead(wanted, field) === null)
  )
}

/** For people and programs: what is secret is not shown. */
export function withoutSecrets(values: Values, fields: Fields): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const field = Object.hasOwn(fields, name) ? fields[name]! : undefined
      return [name, field !== undefined && holdsSecret(field) && value !== null ? secretMark : value]
    }),
  )
}
