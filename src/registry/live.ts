/**
 * The values of settings while the server runs: fallbacks, overlaid by the store, the configuration file and
 * the environment, in this order.
 *
 * All of a change is taken or nothing of it: one wrong value leaves the values in force as they were. Handlers
 * run after all values have changed, so they may read any object. Values are frozen and keep their identity
 * until something in them changes.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { Fault } from '#base/fault.ts'
import { readEnvironment } from '#settings/environment.ts'
import type { GivenObject, Layer, Problem } from '#settings/layer.ts'
import type { MacroReader } from '#settings/macro.ts'
import { mergeLayers, type ObjectValues, overlay, storeOrigin } from '#settings/merge.ts'
import type { AnySettingsObject, Complaint, Settings, SettingsObject } from '#settings/object.ts'
import { readDocument } from '#settings/read.ts'
import { parseToml } from '#settings/toml.ts'
import { macroReader, type Environment } from './macro-reader.ts'
import { sameValue } from './same-value.ts'

export interface Reloaded {
  /** Lines for people, about what is odd and has no effect. */
  readonly warnings: readonly string[]
  /** Names of objects of which anything changed. */
  readonly changed: readonly string[]
  /** Changed fields, as `Object.field`, that take effect at the next start only. */
  readonly restart: readonly string[]
}

/** The text of a configuration file, so that every worker reads the same. */
export interface ConfigurationText {
  readonly text: string
  /** For messages. */
  readonly name: string
  /** Where relative names in macros begin. */
  readonly directory: string
}

/** Settings that could hold. Nothing of them does before `commit`, which happens at most once. */
export interface Prepared extends Reloaded {
  /** As they would be. */
  readonly settings: Pick<Settings, 'get' | 'each' | 'isStored'>
  commit(): void
}

type Instances = ReadonlyMap<AnySettingsObject, readonly ObjectValues[]>

/** A configuration file, read. Its macros are read once, so that the same text always means the same. */
interface ReadFile {
  readonly source: ConfigurationText | undefined
  readonly layer: Layer
  readonly problems: readonly Problem[]
  readonly readMacro: MacroReader
}

interface Sources {
  readonly file: ReadFile
  readonly environment: Layer
  readonly stored: Layer
}

export class LiveSettings implements Settings {
  readonly objects: readonly AnySettingsObject[]
  readonly #environment: Environment
  readonly #handlers = new Map<AnySettingsObject, Set<() => void>>()
  #path: string | undefined
  #sources: Sources
  #now: Instances

  /**
   * Fallbacks and the environment hold until a file is loaded. Names of objects are unique. Throws Fault
   * `invalid` where a variable is wrong.
   */
  constructor(objects: readonly AnySettingsObject[], environment: Environment = {}) {
    this.objects = objects
    this.#environment = environment
    const read = this.#read(this.#readFile(undefined), new Map())
    this.#sources = read.sources
    this.#now = refuseErrors(read).objects
  }

  /**
   * Loads a file and remembers it for `reload`. Throws Fault `invalid` that lists everything that is wrong with
   * it, one per line, or Fault `notFound` where it cannot be read; then nothing has changed.
   */
  load(path: string): Reloaded {
    const reloaded = this.#take(this.prepare({ file: readConfiguration(path) }))
    this.#path = path
    return reloaded
  }

  /** Loads the same file again. Without one there is nothing to do. */
  reload(): Reloaded {
    return this.#take(this.prepareReload())
  }

  /** As `load`, from memory. */
  loadText(text: string, name: string, directory = '.'): Reloaded {
    return this.#take(this.prepare({ file: { text, name, directory } }))
  }

  /** What `reload` would make of the file as it is now, and of these contents of the store. Throws as `load`. */
  prepareReload(stored?: Layer): Prepared {
    return this.prepare({
      ...(this.#path === undefined ? {} : { file: readConfiguration(this.#path) }),
      ...(stored === undefined ? {} : { stored }),
    })
  }

  /** With other contents of the file or the store; the rest as it is. Throws Fault `invalid` as `load`. */
  prepare(o: { file?: ConfigurationText; stored?: Layer }): Prepared {
    const file = o.file === undefined ? this.#sources.file : this.#readFile(o.file)
    const { sources, objects, problems } = refuseErrors(this.#read(file, o.stored ?? this.#sources.stored))
    const { merged, changed, restart } = this.#compare(objects)
    return {
      settings: {
        get: (object) => one(merged, object),
        each: (object) => all(merged, object),
        isStored: (object, id) => isStored(merged, object, id),
      },
      warnings: problems.map((problem) => problem.text),
      changed: changed.map(({ name }) => name),
      restart,
      commit: () => {
        this.#sources = sources
        this.#now = merged
        for (const object of changed) for (const handler of this.#handlers.get(object) ?? []) handler()
      },
    }
  }

  /** The file that is in force. */
  get file(): ConfigurationText | undefined {
    return this.#sources.file.source
  }

  /** The store has this of an object now, or nothing of it. What is wrong with that has no effect. */
  storeChanged(object: AnySettingsObject, id: string, given: GivenObject | undefined): void {
    const { stored } = this.#sources
    const others = (stored.get(object) ?? []).filter((one) => one.id !== id)
    const all = given === undefined ? others : [...others, given]
    this.prepare({ stored: new Map([...stored, [object, all]]) }).commit()
  }

  /**
   * One object as it would be with this in the store, and what would be wrong with it. Without an instance
   * nothing gives such an object.
   */
  preview(
    object: AnySettingsObject,
    id: string,
    given: GivenObject | undefined,
  ): { readonly instance: ObjectValues | undefined; readonly complaints: readonly Complaint[] } {
    const { file, environment } = this.#sources
    const sources = [given, ofObject(file.layer, object, id), ofObject(environment, object, id)]
    const present = sources.filter((source) => source !== undefined)
    if (present.length === 0 && object.many) return { instance: undefined, complaints: [] }
    return overlay(object, id, present)
  }

  #take(prepared: Prepared): Reloaded {
    prepared.commit()
    const { warnings, changed, restart } = prepared
    return { warnings, changed, restart }
  }

  #readFile(source: ConfigurationText | undefined): ReadFile {
    const readMacro = macroReader(this.#environment, source?.directory ?? '.')
    if (source === undefined) return { source, layer: new Map(), problems: [], readMacro }
    const document = parseToml(source.text, source.name)
    return { source, readMacro, ...readDocument(document, this.objects, readMacro) }
  }

  #read(
    file: ReadFile,
    stored: Layer,
  ): { sources: Sources; objects: Instances; problems: readonly Problem[] } {
    const below = [stored, file.layer]
    const environment = readEnvironment(this.#environment, this.objects, below, file.readMacro)
    const merged = mergeLayers(this.objects, [...below, environment.layer])
    return {
      sources: { file, environment: environment.layer, stored },
      objects: merged.objects,
      problems: [...file.problems, ...environment.problems, ...merged.problems],
    }
  }

  /** The new values, with the old frozen ones where nothing in them changed. */
  #compare(next: Instances): {
    merged: Instances
    changed: readonly AnySettingsObject[]
    restart: readonly string[]
  } {
    const merged = new Map<AnySettingsObject, readonly ObjectValues[]>()
    const restart: string[] = []
    const changed: AnySettingsObject[] = []
    for (const [object, instances] of next) {
      const before = this.#now.get(object)!
      const byId = new Map(before.map((instance) => [instance.id, instance]))
      const kept = instances.map((instance) => keepIfSame(byId.get(instance.id), instance))
      merged.set(object, kept)
      if (kept.length === before.length && kept.every((instance, i) => instance.values === before[i]!.values))
        continue
      changed.push(object)
      restart.push(...fieldsForRestart(object, before, instances))
    }
    return { merged, changed, restart }
  }

  get<F>(object: SettingsObject<F>): Readonly<F> {
    return one(this.#now, object)
  }

  each<F>(object: SettingsObject<F>): readonly (Readonly<F> & { readonly id: string })[] {
    return all(this.#now, object)
  }

  isStored<F>(object: SettingsObject<F>, id: string): boolean {
    return isStored(this.#now, object, id)
  }

  onChange<F>(object: SettingsObject<F>, f: () => void): Disposable {
    instancesOf(this.#now, object)
    const key = object as unknown as AnySettingsObject
    const handlers = this.#handlers.get(key) ?? new Set()
    this.#handlers.set(key, handlers.add(f))
    return { [Symbol.dispose]: () => void handlers.delete(f) }
  }

  /** Values with their origins. */
  instances(object: AnySettingsObject): readonly ObjectValues[] {
    return instancesOf(this.#now, object)
  }

  /** Where the value in force comes from, as `postern.toml:12`; undefined where it is the fallback. */
  originOf<F>(object: SettingsObject<F>, field: keyof F & string, id = ''): string | undefined {
    return instancesOf(this.#now, object)
      .find((instance) => instance.id === id)
      ?.origins.get(field)
  }
}

const ofObject = (layer: Layer, object: AnySettingsObject, id: string): GivenObject | undefined =>
  layer.get(object)?.find((one) => one.id === id)

function instancesOf<F>(now: Instances, object: SettingsObject<F>): readonly ObjectValues[] {
  const instances = now.get(object)
  if (instances === undefined) throw new Error(`${object.name} is not in the catalog`)
  return instances
}

function one<F>(now: Instances, object: SettingsObject<F>): Readonly<F> {
  if (object.many) throw new Error(`${object.name}: there are several, use each()`)
  return instancesOf(now, object)[0]!.values as F
}

const all = <F>(
  now: Instances,
  object: SettingsObject<F>,
): readonly (Readonly<F> & { readonly id: string })[] =>
  instancesOf(now, object).map((instance) => instance.values as F & { id: string })

function isStored<F>(now: Instances, object: SettingsObject<F>, id: string): boolean {
  const instance = instancesOf(now, object).find((one) => one.id === id)
  return instance !== undefined && instance.origins.values().every((origin) => origin === storeOrigin)
}

function refuseErrors<R extends { readonly problems: readonly Problem[] }>(read: R): R {
  const errors = read.problems.filter((problem) => problem.severity === 'error')
  if (errors.length > 0) throw new Fault('invalid', errors.map((error) => error.text).join('\n'), {})
  return read
}

function readConfiguration(path: string): ConfigurationText {
  try {
    return { text: readFileSync(path, 'utf8'), name: basename(path), directory: dirname(resolve(path)) }
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
