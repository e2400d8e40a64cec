/**
 * Reads the values of declared objects from a configuration file.
 *
 * Nothing in the file is passed over in silence: a key that no declaration knows is a warning, a value that its
 * field does not accept is an error, and both name the file and the line. All of them are found in one go.
 */
import type { Field } from './field.ts'
import { type GivenObject, type GivenValue, type Layer, type Problem, readWritten } from './layer.ts'
import type { MacroReader } from './macro.ts'
import { nearest } from './nearest.ts'
import type { AnySettingsObject } from './object.ts'
import {
  dottedKey,
  isTable,
  leavesOf,
  nodeAt,
  type TomlDocument,
  type TomlLeaf,
  type TomlTable,
} from './toml.ts'

export interface ReadDocument {
  readonly layer: Layer
  readonly problems: readonly Problem[]
}

/** Fields that are not accepted are left out of the layer. */
export function readDocument(
  document: TomlDocument,
  objects: readonly AnySettingsObject[],
  readMacro: MacroReader,
): ReadDocument {
  const reader = new Reader(document, readMacro)
  const layer = new Map<AnySettingsObject, readonly GivenObject[]>()
  for (const object of objects) layer.set(object, reader.readObject(object))
  reader.warnOfUnknownKeys(objects)
  return { layer, problems: reader.problems }
}

const splitKey = (dotted: string): readonly string[] => dotted.split('.')

const rootsOf = (object: AnySettingsObject): readonly (readonly string[])[] => [
  [object.name],
  ...(object.classic === undefined ? [] : [splitKey(object.classic)]),
]

/** All keys that a field may stand under. */
function keysOf(object: AnySettingsObject, id: string, name: string, field: Field<unknown>) {
  const classic = field.classic === undefined ? undefined : splitKey(field.classic)
  if (!object.many) return [[object.name, name], ...(classic === undefined ? [] : [classic])]
  return rootsOf(object).flatMap((root) => [
    [...root, id, name],
    ...(classic === undefined ? [] : [[...root, id, ...classic]]),
  ])
}

class Reader {
  readonly problems: Problem[] = []
  readonly #document: TomlDocument
  readonly #readMacro: MacroReader
  readonly #known = new Set<TomlLeaf>()

  constructor(document: TomlDocument, readMacro: MacroReader) {
    this.#document = document
    this.#readMacro = readMacro
  }

  readObject(object: AnySettingsObject): readonly GivenObject[] {
    if (!object.many) {
      const values = this.#readFields(object, '')
      const first = values.values().next().value
      return first === undefined ? [] : [{ id: '', origin: first.origin, key: object.name, values }]
    }
    return [...this.#tablesById(object)].map(([id, table]) => ({
      id,
      origin: this.#at(table),
      key: dottedKey(table.path),
      values: this.#readFields(object, id),
    }))
  }

  /** The tables below any of the roots, in the order of the file. */
  #tablesById(object: AnySettingsObject): ReadonlyMap<string, TomlTable> {
    const tables = new Map<string, TomlTable>()
    for (const root of rootsOf(object)) {
      const node = nodeAt(this.#document, root)
      if (!isTable(node)) continue
      for (const [id, child] of node.entries) if (isTable(child) && !tables.has(id)) tables.set(id, child)
    }
    return tables
  }

  #readFields(object: AnySettingsObject, id: string): ReadonlyMap<string, GivenValue> {
    const values = new Map<string, GivenValue>()
    for (const [name, field] of Object.entries(object.fields)) {
      const leaf = this.#findLeaf(keysOf(object, id, name, field))
      if (leaf === undefined) continue
      const at = { origin: this.#at(leaf), key: dottedKey(leaf.path) }
      const report = (problem: Problem): void => void this.problems.push(problem)
      values.set(name, readWritten(leaf.value, field, at, { readMacro: this.#readMacro, report }))
    }
    return values
  }

  /** The first key that the file has. A second one for the same field is an error: which should hold? */
  #findLeaf(keys: readonly (readonly string[])[]): TomlLeaf | undefined {
    let found: TomlLeaf | undefined
    for (const key of keys) {
      const node = nodeAt(this.#document, key)
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

  warnOfUnknownKeys(objects: readonly AnySettingsObject[]): void {
    for (const leaf of leavesOf(this.#document.root)) {
      if (this.#known.has(leaf)) continue
      const meant = nearest(dottedKey(leaf.path), knownKeys(objects, leaf.path))
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`
      this.#report('warning', leaf, `is not a known setting and has no effect${hint}`)
    }
  }

  #at(node: { readonly line: number }): string {
    return `${this.#document.name}:${node.line}`
  }

  #report(severity: Problem['severity'], leaf: TomlLeaf, what: string): void {
    this.problems.push({ severity, text: `${this.#at(leaf)}: ${dottedKey(leaf.path)} ${what}` })
  }
}

/** Every key that could have been written where this one stands, with the ids that it has. */
function* knownKeys(objects: readonly AnySettingsObject[], path: readonly string[]): Generator<string> {
  for (const object of objects) {
    const ids = object.many ? rootsOf(object).map((root) => path[root.length]) : ['']
    for (const id of new Set(ids)) {
      if (id === undefined) continue
      for (const [name, field] of Object.entries(object.fields))
        for (const key of keysOf(object, id, name, field)) yield dottedKey(key)
    }
  }
}
