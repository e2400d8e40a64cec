/** The dotted keys of the classic form, and the field of which object each one is. */
import type { AnySettingsObject } from '#settings/object.ts'
import type { Values } from '#settings/values.ts'

/** A value of a setting under its classic key; a list has a key for each element. */
export interface KeyedValue {
  readonly key: string
  readonly value: string
}

export interface KeyTarget {
  readonly object: AnySettingsObject
  /** Empty for an object of which there is one. */
  readonly id: string
  readonly field: string
  /** Of an element of a list. */
  readonly index?: number
}

/** An object of settings as it is shown. */
export interface ShownInstance {
  readonly object: AnySettingsObject
  readonly id: string
  readonly values: Values
}

/** What stands before the id, or before nothing. */
export const rootOf = ({ classic, name }: AnySettingsObject): string => classic ?? name

export function keyOf(object: AnySettingsObject, id: string, field: string): string {
  const classic = object.fields[field]!.classic ?? field
  if (object.many) return `${rootOf(object)}.${id}.${classic}`
  return object.fields[field]!.classic ?? `${object.name}.${field}`
}

/** `value` as objects show it; nothing for what is not set. */
export function keyedValues(key: string, value: unknown): readonly KeyedValue[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value))
    return (value as readonly unknown[]).map((one, i) => ({
      key: `${key}.${String(i).padStart(4, '0')}`,
      value: plainText(one),
    }))
  return [{ key, value: plainText(value) }]
}

const plainText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** Undefined where no setting has the key. */
export function targetOf(objects: readonly AnySettingsObject[], key: string): KeyTarget | undefined {
  const element = /^(.+)\.(\d{1,4})$/.exec(key)
  const whole = exactTarget(objects, key)
  if (whole !== undefined || element === null) return whole
  const found = exactTarget(objects, element[1]!)
  return found?.object.fields[found.field]!.kind === 'list'
    ? { ...found, index: Number(element[2]) }
    : undefined
}

function exactTarget(objects: readonly AnySettingsObject[], key: string): KeyTarget | undefined {
  for (const object of objects) {
    const id = object.many ? idIn(object, key) : ''
    if (id === undefined) continue
    for (const field of Object.keys(object.fields))
      if (keyOf(object, id, field) === key) return { object, id, field }
  }
  return undefined
}

/** The id that follows the root of an object of which there are several. */
export function idIn(object: AnySettingsObject, key: string): string | undefined {
  const root = `${rootOf(object)}.`
  if (!object.many || !key.startsWith(root)) return undefined
  const id = key.slice(root.length).split('.')[0]!
  return id === '' ? undefined : id
}
