/**
 * A configuration file as a tree of values in which each leaf knows its line.
 *
 * An array of tables whose elements have an `id` becomes a table by that id, so `[[server.listener]]` with
 * `id = "smtp"` and `[server.listener.smtp]` are the same. Other arrays are leaves, whatever they hold.
 */
import { parse, TomlError } from 'smol-toml'
import { Fault } from '#base/fault.ts'
import { findTomlLines, type RawPath, type TomlLines } from './toml-lines.ts'

export interface TomlLeaf {
  readonly path: readonly string[]
  /** A string, number, boolean, date, or array. */
  readonly value: unknown
  /** From 1. */
  readonly line: number
}

export type TomlNode = TomlLeaf | TomlTable
export interface TomlTable {
  readonly path: readonly string[]
  readonly line: number
  readonly entries: ReadonlyMap<string, TomlNode>
}

export const isTable = (node: TomlNode | undefined): node is TomlTable =>
  node !== undefined && 'entries' in node

export interface TomlDocument {
  /** The name of the file as messages show it. */
  readonly name: string
  readonly root: TomlTable
}

/** Dotted, with quotes around what is not a bare key. */
export const dottedKey = (path: readonly string[]): string =>
  path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join('.')

/** Throws Fault `invalid` with file, line and reason. */
export function parseToml(text: string, name: string): TomlDocument {
  let values: Record<string, unknown>
  try {
    values = parse(text, { unsafeKeyBehaviour: 'throw', maxDepth: 100 })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const reason = error.message.split('\n')[0]!.replace('Invalid TOML document: ', '')
    throw new Fault('invalid', `${name}:${error.line}: ${reason}`, {}, { cause: error })
  }
  const builder = new TreeBuilder(name, findTomlLines(text))
  return { name, root: builder.table(values, [], []) }
}

const isPlainTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** `path` is the place in our tree, `raw` the place as the text has it: they differ in indices against ids. */
class TreeBuilder {
  readonly #name: string
  readonly #lines: TomlLines

  constructor(name: string, lines: TomlLines) {
    this.#name = name
    this.#lines = lines
  }

  table(
    values: Record<string, unknown>,
    path: readonly string[],
    raw: RawPath,
    leaveOut?: string,
  ): TomlTable {
    const entries = new Map<string, TomlNode>()
    for (const [key, value] of Object.entries(values))
      if (key !== leaveOut) entries.set(key, this.#node(value, [...path, key], [...raw, key]))
    return { path, line: this.#lines.lineOf(raw), entries }
  }

  #node(value: unknown, path: readonly string[], raw: RawPath): TomlNode {
    if (isPlainTable(value)) return this.table(value, path, raw)
    if (Array.isArray(value) && value.length > 0 && value.every(isPlainTable) && value.some((v) => 'id' in v))
      return this.#tableById(value, path, raw)
    return { path, value, line: this.#lines.lineOf(raw) }
  }

  #tableById(elements: readonly Record<string, unknown>[], path: readonly string[], raw: RawPath): TomlTable {
    const entries = new Map<string, TomlNode>()
    elements.forEach((element, i) => {
      const elementRaw = [...raw, String(i)]
      const id = element['id']
      if (typeof id !== 'string' || id === '')
        throw this.#fault(elementRaw, `${dottedKey(path)}: each of these needs an id, which is a text`)
      if (entries.has(id)) throw this.#fault(elementRaw, `${dottedKey(path)}: the id "${id}" is used twice`)
      entries.set(id, this.table(element, [...path, id], elementRaw, 'id'))
    })
    return { path, line: this.#lines.lineOf(raw), entries }
  }

  #fault(raw: RawPath, reason: string): Fault {
    return new Fault('invalid', `${this.#name}:${this.#lines.lineOf(raw)}: ${reason}`, {})
  }
}

/** What stands at a path, if anything does. */
export function nodeAt(document: TomlDocument, path: readonly string[]): TomlNode | undefined {
  let node: TomlNode | undefined = document.root
  for (const part of path) {
    if (!isTable(node)) return undefined
    node = node.entries.get(part)
  }
  return node
}

/** All leaves in the order of the file. */
export function* leavesOf(table: TomlTable): Generator<TomlLeaf> {
  for (const node of table.entries.values()) {
    if (isTable(node)) yield* leavesOf(node)
    else yield node
  }
}
