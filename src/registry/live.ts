/**
 * The values of settings while the server runs: fallbacks, overlaid by the configuration file.
 *
 * All of a file is taken or nothing of it: one wrong value leaves the values in force as they were. Handlers
 * run after all values have changed, so they may read any object. Values are frozen and keep their identity
 * until something in them changes.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { Fault } from '#base/fault.ts'
import type { AnySettingsObject, Settings, SettingsObject } from '#settings/object.ts'
import { readSettings, type ObjectValues, type ReadSettings } from '#settings/read.ts'
import { parseToml, type TomlDocument } from '#settings/toml.ts'
import { macroReader, type Environment } from './macro-reader.ts'
import { sameValue } from './same-value.ts'

export interface Reloaded {
  /** Lines for people, about what is odd and has no effect. */
  readonly warnings: readonly string[]
  /** Changed fields, as `Object.field`, that take effect at the next start only. */
  readonly restart: readonly string[]
}

export class LiveSettings implements Settings {
  readonly #objects: readonly AnySettingsObject[]
  readonly #environment: Environment
  readonly #handlers = new Map<AnySettingsObject, Set<() => void>>()
  #path: string | undefined
  #now: ReadonlyMap<AnySettingsObject, readonly ObjectValues[]>

  /** All have their fallbacks until a file is loaded. Names of objects are unique. */
  constructor(objects: readonly AnySettingsObject[], environment: Environment = {}) {
    this.#objects = objects
    this.#environment = environment
    this.#now = this.#read(undefined, '.').objects
  }

  /**
   * Loads a file and remembers it for `reload`. Throws Fault `invalid` that lists everything that is wrong with
   * it, one per line, or Fault `notFound` where it cannot be read; then nothing has changed.
   */
  load(path: string): Reloaded {
    const reloaded = this.loadText(readConfiguration(path), basename(path), dirname(resolve(path)))
    this.#path = path
    return reloaded
  }

  /** Loads the same file again. Without one there is nothing to do. */
  reload(): Reloaded {
    return this.#path === undefined ? { warnings: [], restart: [] } : this.load(this.#path)
  }

  /** As `load`, from memory. `name` is for messages, `directory` is where relative names in macros begin. */
  loadText(text: string, name: string, directory = '.'): Reloaded {
    const read = this.#read(parseToml(text, name), directory)
    const errors = read.problems.filter((problem) => problem.severity === 'error')
    if (errors.length > 0) throw new Fault('invalid', errors.map((error) => error.text).join('\n'), {})
    return { warnings: read.problems.map((problem) => problem.text), restart: this.#replace(read.objects) }
  }

  #read(document: TomlDocument | undefined, directory: string): ReadSettings {
    return readSettings(document, this.#objects, macroReader(this.#environment, directory))
  }

  #replace(next: ReadonlyMap<AnySettingsObject, readonly ObjectValues[]>): readonly string[] {
    const merged = new Map<AnySettingsObject, readonly ObjectValues[]>()
    const restart: string[] = []
    const changed: AnySettingsObject[] = []
    for (const [object, instances] of next) {
      const before = this.#now.get(object)!
      const kept = instances.map((instance, i) => keepIfSame(before[i], instance))
      merged.set(object, kept)
      if (kept.length === before.length && kept.every((instance, i) => instance.values === before[i]!.values))
        continue
      changed.push(object)
      restart.push(...fieldsForRestart(object, before, instances))
    }
    this.#now = merged
    for (const object of changed) for (const handler of this.#handlers.get(object) ?? []) handler()
    return restart
  }

  get<F>(object: SettingsObject<F>): Readonly<F> {
    if (object.many) throw new Error(`${object.name}: there are several, use each()`)
    return this.#instances(object)[0]!.values as F
  }

  each<F>(object: SettingsObject<F>): readonly (Readonly<F> & { readonly id: string })[] {
    return this.#instances(object).map((instance) => instance.values as F & { id: string })
  }

  onChange<F>(object: SettingsObject<F>, f: () => void): Disposable {
    this.#instances(object)
    const key = object as unknown as AnySettingsObject
    const handlers = this.#handlers.get(key) ?? new Set()
    this.#handlers.set(key, handlers.add(f))
    return { [Symbol.dispose]: () => void handlers.delete(f) }
  }

  /** Where the value in force comes from, as `postern.toml:12`; undefined where it is the fallback. */
  originOf<F>(object: SettingsObject<F>, field: keyof F & string, id = ''): string | undefined {
    return this.#instances(object)
      .find((instance) => instance.id === id)
      ?.origins.get(field)
  }

  #instances<F>(object: SettingsObject<F>): readonly ObjectValues[] {
    const instances = this.#now.get(object)
    if (instances === undefined) throw new Error(`${object.name} is not in the catalog`)
    return instances
  }
}

function readConfiguration(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(error)
    throw new Fault(
      'notFound',
      `cannot read ${path}: ${reason}`,
      { what: 'configuration file' },
      { cause: error },
    )
  }
}

/** The new origins with the old frozen values where nothing in them changed. */
const keepIfSame = (before: ObjectValues | undefined, now: ObjectValues): ObjectValues =>
  before !== undefined && sameValue(before.values, now.values) ? { ...now, values: before.values } : now

function fieldsForRestart(
  object: AnySettingsObject,
  before: readonly ObjectValues[],
  now: readonly ObjectValues[],
): readonly string[] {
  const valuesOf = (instances: readonly ObjectValues[], name: string): readonly unknown[] =>
    instances.map((instance) => [instance.id, instance.values[name]])
  return Object.entries(object.fields)
    .filter(([name, field]) => field.restart && !sameValue(valuesOf(before, name), valuesOf(now, name)))
    .map(([name]) => `${object.name}.${name}`)
}
