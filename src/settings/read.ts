/**
 * Reads the values of declared objects from a configuration file.
 *
 * Nothing in the file is passed over in silence: a key that no declaration knows is a warning, a value that its
 * field does not accept is an error, and both name the file and the line. All of them are found in one go. A
 * value that came from a macro or belongs to a secret is never shown.
 */
import { isFault } from '#base/fault.ts'
import type { Field } from './field.ts'
import { expandMacros, hasMacro, type MacroReader } from './macro.ts'
import type { AnySettingsObject } from './object.ts'
import { dottedKey, isTable, leavesOf, nodeAt, type TomlDocument, type TomlLeaf } from './toml.ts'

interface Problem {
  readonly severity: 'error' | 'warning'
  /** The whole line for people: `postern.toml:12: server.hostname must be a text`. */
  readonly text: string
}

/** One object's values with, for those that stand in the file, where. */
export interface ObjectValues {
  /** The id, empty for an object of which there is one. */
  readonly id: string
  readonly values: Readonly<Record<string, unknown>>
  /** By field: `postern.toml:12`. */
  readonly origins: ReadonlyMap<string, string>
}

export interface ReadSettings {
  /** Exactly one element for an object of which there is one. */
  readonly objects: ReadonlyMap<AnySettingsObject, readonly ObjectValues[]>
  readonly problems: readonly Problem[]
}

/** Reads every object; without a document all have their fallbacks. */
export function readSettings(
  document: TomlDocument | undefined,
  objects: readonly AnySettingsObject[],
  readMacro: MacroReader,
): ReadSettings {
  const reader = new Reader(document, readMacro)
  const read = new Map<AnySettingsObject, readonly ObjectValues[]>()
  for (const object of objects) read.set(object, reader.readObject(object))
  reader.warnOfUnknownKeys()
  return { objects: read, problems: reader.problems }
}

const splitKey = (dotted: string): readonly string[] => dotted.split('.')

class Reader {
  readonly problems: Problem[] = []
  readonly #document: TomlDocument | undefined
  readonly #readMacro: MacroReader
  readonly #known = new Set<TomlLeaf>()

  constructor(document: TomlDocument | undefined, readMacro: MacroReader) {
    this.#document = document
    this.#readMacro = readMacro
  }

  readObject(object: AnySettingsObject): readonly ObjectValues[] {
    if (!object.many)
      return [
        this.#readFields(object, '', (name, field) => [
          [object.name, name],
          ...(field.classic === undefined ? [] : [splitKey(field.classic)]),
        ]),
      ]
    const roots = [[object.name], ...(object.classic === undefined ? [] : [splitKey(object.classic)])]
    return this.#idsBelow(roots).map((id) =>
      this.#readFields(object, id, (name, field) =>
        roots.flatMap((root) => [
          [...root, id, name],
          ...(field.classic === undefined ? [] : [[...root, id, ...splitKey(field.classic)]]),
        ]),
      ),
    )
  }

  /** The ids of tables below any of the roots, in the order of the file. */
  #idsBelow(roots: readonly (readonly string[])[]): readonly string[] {
    const ids = new Set<string>()
    for (const root of roots) {
      const node = this.#document && nodeAt(this.#document, root)
      if (!isTable(node)) continue
      for (const [id, child] of node.entries) if (isTable(child)) ids.add(id)
    }
    return [...ids]
  }

  #readFields(
    object: AnySettingsObject,
    id: string,
    keysFor: (name: string, field: Field<unknown>) => readonly (readonly string[])[],
  ): ObjectValues {
    const values: Record<string, unknown> = {}
    const origins = new Map<string, string>()
    for (const [name, field] of Object.entries(object.fields)) {
      const leaf = this.#findLeaf(keysFor(name, field))
      values[name] = leaf === undefined ? field.fallback : this.#readLeaf(leaf, field)
      if (leaf !== undefined) origins.set(name, this.#at(leaf))
      else if (field.required) this.#reportMissing(object, id, name, field)
    }
    if (object.many) values['id'] = id
    return { id, values: Object.freeze(values), origins }
  }

  /** The first key that the file has. A second one for the same field is an error: which should hold? */
  #findLeaf(keys: readonly (readonly string[])[]): TomlLeaf | undefined {
    let found: TomlLeaf | undefined
    for (const key of keys) {
      const node = this.#document && nodeAt(this.#document, key)
      if (node === undefined || isTable(node) || node === found) continue
      this.#known.add(node)
      if (found === undefined) found = node
      else
        this.#report(
          'error',
          node,
          `is the same setting as ${dottedKey(found.path)} at ${this.#at(found)}: keep one`,
        )
    }
    return found
  }

  #readLeaf(leaf: TomlLeaf, field: Field<unknown>): unknown {
    let isExpanded = false
    const expand = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(expand)
      if (typeof value !== 'string' || !hasMacro(value)) return value
      isExpanded = true
      return expandMacros(value, this.#readMacro)
    }
    try {
      return field.read(expand(leaf.value))
    } catch (error) {
      if (!isFault(error, 'invalid')) throw error
      const isHidden = isExpanded || (field.item ?? field).kind === 'secret'
      this.#report(
        'error',
        leaf,
        isHidden ? error.publicText : `${error.publicText}, not ${show(leaf.value)}`,
      )
      return field.fallback
    }
  }

  #reportMissing(object: AnySettingsObject, id: string, name: string, field: Field<unknown>): void {
    const node = this.#document && object.many && this.#tableOf(object, id)
    const key = dottedKey(node ? [...node.path, name] : [object.name, name])
    const at = node ? `${this.#document.name}:${node.line}: ` : ''
    this.problems.push({ severity: 'error', text: `${at}${key} is missing: it must be ${field.allowed}` })
  }

  #tableOf(object: AnySettingsObject, id: string): { path: readonly string[]; line: number } | undefined {
    const classic = object.classic === undefined ? undefined : [...splitKey(object.classic), id]
    return (
      nodeAt(this.#document!, [object.name, id]) ?? (classic && nodeAt(this.#document!, classic)) ?? undefined
    )
  }

  warnOfUnknownKeys(): void {
    if (this.#document === undefined) return
    for (const leaf of leavesOf(this.#document.root))
      if (!this.#known.has(leaf)) this.#report('warning', leaf, 'is not a known setting and has no effect')
  }

  #at(leaf: TomlLeaf): string {
    return `${this.#document!.name}:${leaf.line}`
  }

  #report(severity: Problem['severity'], leaf: TomlLeaf, what: string): void {
    this.problems.push({ severity, text: `${this.#at(leaf)}: ${dottedKey(leaf.path)} ${what}` })
  }
}

/** A wrong value as the message shows it, short. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
