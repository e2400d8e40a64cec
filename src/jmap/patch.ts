/**
 * PatchObjects (RFC 8620 §5.3): each name is a JSON Pointer without the first "/" to what is to be replaced, and
 * null takes away what is there, or sets it to what it is by default.
 */
import { SetFault } from './errors.ts'
import { isObject, type Json, type JsonObject } from './value.ts'

const longestPath = 1000
const deepest = 10

const invalidPatch = (why: string): SetFault => new SetFault('invalidPatch', why)

/**
 * The object with the patch applied; neither is changed. A property of the object itself that is set to null
 * becomes what `defaults` have, null where they have nothing. Throws SetFault `invalidPatch`.
 */
export function applyPatch(object: JsonObject, patch: JsonObject, defaults: JsonObject = {}): JsonObject {
  const paths = Object.keys(patch).map(parsePath)
  refusePrefixes(paths)
  const result = copyOf(object)
  // Each object that is changed is copied once, however many paths lead into it.
  const copies = new Set<unknown>()
  for (const { text, tokens } of paths) {
    const value = patch[text]
    const last = tokens.at(-1)!
    const inner = innermost(result, tokens, copies)
    if (value !== null) inner[last] = value
    else if (inner !== result) delete inner[last]
    else result[last] = Object.hasOwn(defaults, last) ? defaults[last] : null
  }
  return result
}

type Copy = Record<string, Json | undefined>

const copyOf = (object: JsonObject): Copy => Object.assign(Object.create(null), object)

/** What has the last part of the path, as a copy. */
function innermost(object: Copy, tokens: readonly string[], copies: Set<unknown>): Copy {
  let at = object
  for (const token of tokens.slice(0, -1)) {
    const inner = Object.hasOwn(at, token) ? at[token] : undefined
    // Lists are replaced as a whole, and all but the last part of a path must be there.
    if (!isObject(inner)) throw invalidPatch('a path leads through something that is no object')
    const copy: Copy = copies.has(inner) ? inner : copyOf(inner)
    copies.add(copy)
    at[token] = copy
    at = copy
  }
  return at
}

interface Path {
  readonly text: string
  readonly tokens: readonly string[]
}

function parsePath(text: string): Path {
  if (text.length > longestPath || /~(?![01])/.test(text)) throw invalidPatch('a path is no JSON Pointer')
  const tokens = text.split('/').map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (tokens.length > deepest) throw invalidPatch('a path is too deep')
  return { text, tokens }
}

/** There must not be two, one of which is the beginning of the other. */
function refusePrefixes(paths: readonly Path[]): void {
  if (paths.length < 2) return
  const all = new Set(paths.map(({ text }) => text))
  for (const { text } of paths)
    for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1))
      if (all.has(text.slice(0, at))) throw invalidPatch('one path is the beginning of another')
}
