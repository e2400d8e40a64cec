/**
 * Settings from the environment, above all other sources: `POSTERN_SYSTEMSETTINGS_DEFAULTHOSTNAME`, and
 * `POSTERN_NETWORKLISTENER_IMAPS_MAXCONNECTIONS` for the object with the id `imaps`. Case does not count, nor
 * do underscores or other punctuation, so `POSTERN_SYSTEM_SETTINGS_DEFAULT_HOSTNAME` is the same. The elements
 * of a list are separated by commas or blank space.
 *
 * Only objects that the file or the store has can be spoken to by id; a variable for anything else that begins
 * with the name of an object is a warning.
 */
import type { Field } from './field.ts'
import { type GivenObject, type GivenValue, type Layer, type Problem, readWritten } from './layer.ts'
import type { MacroReader } from './macro.ts'
import type { AnySettingsObject } from './object.ts'

const environmentOrigin = 'environment'

const prefix = 'POSTERN_'

/** `layers`: all others, whose ids count. */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  objects: readonly AnySettingsObject[],
  layers: readonly Layer[],
  readMacro: MacroReader,
): { readonly layer: Layer; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const given = new Map<string, string>()
  // An empty one counts as none, as those who pass variables on write it.
  for (const [name, value] of Object.entries(variables))
    if (name.startsWith(prefix) && value) given.set(plain(name.slice(prefix.length)), name)
  const layer = new Map<AnySettingsObject, readonly GivenObject[]>()
  if (given.size === 0) return { layer, problems }
  for (const object of objects) {
    const instances = idsOf(object, layers).flatMap((id): GivenObject[] => {
      const values = new Map<string, GivenValue>()
      for (const [name, field] of Object.entries(object.fields)) {
        const wanted = plain(object.name + id + name)
        const key = given.get(wanted)
        if (key === undefined) continue
        given.delete(wanted)
        const at = { origin: environmentOrigin, key }
        const report = (problem: Problem): void => void problems.push(problem)
        const value = written(field, variables[key] ?? '')
        values.set(name, readWritten(value, field, at, { readMacro, report }))
      }
      const key = values.values().next().value?.key
      return key === undefined ? [] : [{ id, origin: environmentOrigin, key, values }]
    })
    if (instances.length > 0) layer.set(object, instances)
  }
  for (const [wanted, name] of given) {
    const object = objects.find((one) => wanted.startsWith(plain(one.name)))
    if (object !== undefined) problems.push({ severity: 'warning', text: `${name} ${whyNot(object)}` })
  }
  return { layer, problems }
}

const whyNot = (object: AnySettingsObject): string =>
  object.many
    ? `has no effect: the configuration has no ${object.name} of that id, or it has no such field`
    : 'is not a known setting and has no effect'

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

function idsOf(object: AnySettingsObject, layers: readonly Layer[]): readonly string[] {
  if (!object.many) return ['']
  return [...new Set(layers.flatMap((layer) => (layer.get(object) ?? []).map(({ id }) => id)))]
}

const written = (field: Field<unknown>, text: string): unknown =>
  field.kind === 'list' ? text.split(/[,\s]+/).filter((part) => part !== '') : text
