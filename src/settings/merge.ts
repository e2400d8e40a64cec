/**
 * Lays the sources of settings above each other: what is in force, and where each value comes from.
 *
 * What is wrong only because of the store must not keep a server from starting, since the store is mended
 * through the server: such an object holds without what the store gives, and that is a warning.
 */
import { type GivenObject, type GivenValue, type Layer, placeOf, type Problem } from './layer.ts'
import type { AnySettingsObject, Complaint } from './object.ts'

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
  const { instance, complaints } = overlay(object, id, given)
  if (complaints.length === 0) {
    problems.push(...warnNotYet(object, given))
    return instance
  }
  const others = given.filter(({ origin }) => origin !== storeOrigin)
  const severity = others.length === given.length ? 'error' : 'warning'
  const effect = severity === 'error' ? '' : '; what the store holds of it has no effect'
  for (const { field, text } of complaints)
    problems.push({ severity, text: `${placeIn(object, given, field)} ${text}${effect}` })
  if (severity === 'error') return instance
  return others.length === 0 && object.many ? undefined : mergeOne(object, id, others, problems)
}

/** One object from its sources, and what is wrong with the whole of it. */
export function overlay(
  object: AnySettingsObject,
  id: string,
  given: readonly GivenObject[],
): { readonly instance: ObjectValues; readonly complaints: readonly Complaint[] } {
  const values: Record<string, unknown> = {}
  const origins = new Map<string, string>()
  const complaints: Complaint[] = []
  let isReadable = true
  for (const [name, field] of Object.entries(object.fields)) {
    const value = valueOf(given, name)
    values[name] = value === undefined ? field.fallback : value.value
    if (value !== undefined) origins.set(name, value.origin)
    else if (field.required) complaints.push({ field: name, text: `is missing: it must be ${field.allowed}` })
    if (value?.isWrong) isReadable = false
  }
  if (object.many) values['id'] = id
  if (isReadable && complaints.length === 0) complaints.push(...(object.check?.(values) ?? []))
  return { instance: { id, values: Object.freeze(values), origins }, complaints }
}

const valueOf = (given: readonly GivenObject[], name: string): GivenValue | undefined =>
  given.findLast((source) => source.values.has(name))?.values.get(name)

/** Where a field stands, or would. */
function placeIn(object: AnySettingsObject, given: readonly GivenObject[], name: string): string {
  const value = valueOf(given, name)
  if (value !== undefined) return placeOf(value) + (value.macro === undefined ? '' : ` (${value.macro})`)
  const top = given.at(-1)
  return top === undefined ? `${object.name}.${name}` : placeOf({ ...top, key: `${top.key}.${name}` })
}

function warnNotYet(object: AnySettingsObject, given: readonly GivenObject[]): readonly Problem[] {
  const top = given.findLast(({ values }) => values.size > 0)
  if (object.notYet === undefined || top === undefined) return []
  return [{ severity: 'warning', text: `${placeOf(top)}: ${object.notYet}` }]
}
