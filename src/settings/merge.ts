/**
 * Lays the sources of settings above each other: what is in force, and where each value comes from.
 *
 * What is wrong only because of the store must not keep a server from starting, since the store is mended
 * through the server: such an object holds without what the store gives, and that is a warning.
 */
import type { GivenObject, GivenValue, Layer, Problem } from './layer.ts'
import { placeOf } from './layer.ts'
import type { AnySettingsObject } from './object.ts'

/** The origin of values that the store gives. */
export const storeOrigin = 'store'

/** One object's values with, for those that a source gave, which. */
export interface ObjectValues {
  /** The id, empty for an object of which there is one. */
  readonly id: string
  readonly values: Readonly<Record<string, unknown>>
  /** By field: `postern.toml:12`, `environment`, `store`. */
  readonly origins: ReadonlyMap<string, string>
}

export interface MergedSettings {
  /** Exactly one element for an object of which there is one. */
  readonly objects: ReadonlyMap<AnySettingsObject, readonly ObjectValues[]>
  readonly problems: readonly Problem[]
}

/** Later layers win. Objects of which there may be several stand in the order in which they are first given. */
export function mergeLayers(objects: readonly AnySettingsObject[], layers: readonly Layer[]): MergedSettings {
  const problems: Problem[] = []
  const merged = new Map<AnySettingsObject, readonly ObjectValues[]>()
  for (const object of objects) {
    const byId = Map.groupBy(
      layers.flatMap((layer) => layer.get(object) ?? []),
      ({ id }) => id,
    )
    if (!object.many && !byId.has('')) byId.set('', [])
    const instances = [...byId].flatMap(([id, given]) => mergeOne(object, id, given, problems) ?? [])
    merged.set(object, instances)
  }
  return { objects: merged, problems }
}

function mergeOne(
  object: AnySettingsObject,
  id: string,
  given: readonly GivenObject[],
  problems: Problem[],
): ObjectValues | undefined {
  const one = overlay(object, id, given)
  if (one.problems.length === 0) {
    problems.push(...warnNotYet(object, given))
    return one.instance
  }
  const others = given.filter(({ origin }) => origin !== storeOrigin)
  if (others.length === given.length) {
    problems.push(...one.problems)
    return one.instance
  }
  for (const { text } of one.problems)
    problems.push({ severity: 'warning', text: `${text}; what the store holds of it has no effect` })
  return others.length === 0 && object.many ? undefined : mergeOne(object, id, others, problems)
}

function overlay(
  object: AnySettingsObject,
  id: string,
  given: readonly GivenObject[],
): { instance: ObjectValues; problems: readonly Problem[] } {
  const values: Record<string, unknown> = {}
  const origins = new Map<string, string>()
  const found = new Map<string, GivenValue>()
  const problems: Problem[] = []
  const at = (name: string): string => {
    const value = found.get(name)
    if (value !== undefined) return placeOf(value) + (value.macro === undefined ? '' : ` (${value.macro})`)
    const top = given.at(-1)
    return top === undefined ? `${object.name}.${name}` : placeOf({ ...top, key: `${top.key}.${name}` })
  }
  for (const [name, field] of Object.entries(object.fields)) {
    const value = given.findLast((source) => source.values.has(name))?.values.get(name)
    values[name] = value === undefined ? field.fallback : value.value
    if (value !== undefined) {
      found.set(name, value)
      origins.set(name, value.origin)
    } else if (field.required) {
      problems.push({ severity: 'error', text: `${at(name)} is missing: it must be ${field.allowed}` })
    }
  }
  if (object.many) values['id'] = id
  const isReadable = problems.length === 0 && found.values().every((value) => !value.isWrong)
  if (isReadable) {
    for (const complaint of object.check?.(values) ?? [])
      problems.push({ severity: 'error', text: `${at(complaint.field)} ${complaint.text}` })
  }
  return { instance: { id, values: Object.freeze(values), origins }, problems }
}

function warnNotYet(object: AnySettingsObject, given: readonly GivenObject[]): readonly Problem[] {
  const top = given.findLast(({ values }) => values.size > 0)
  if (object.notYet === undefined || top === undefined) return []
  return [{ severity: 'warning', text: `${placeOf(top)}: ${object.notYet}` }]
}
