/**
 * Bodies in JSON (RFC 8259), strictly: UTF-8 only, no name twice in one object, no nesting that is meant to hurt.
 * A name that stands twice would mean one thing here and another to whoever checked the body before (RFC 8259
 * §4), so it is refused. Linear in the size of the text, which is bounded by the limit of bodies.
 */
import { Fault, invalidProperties, type PropertyProblem } from '#base/fault.ts'

const deepest = 64
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Throws Fault `invalid` that says what is wrong and where. */
export function parseJsonBody(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new Fault('invalid', 'the body must be UTF-8', {})
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault('invalid', 'the body must be JSON', {})
    throw error
  }
  const problem = oddity(text)
  if (problem !== undefined) throw invalidProperties([problem])
  return value
}

interface Level {
  /** Of an object: its names so far. */
  readonly names: Set<string> | undefined
  /** Where in it we are. */
  at: string | number
}

/** What JSON.parse takes and we do not. `text` is valid JSON, so a look at quotes and brackets is enough. */
function oddity(text: string): PropertyProblem | undefined {
  const levels: Level[] = []
  let isName = false
  for (let at = 0; at < text.length; at++) {
    const found = text[at]
    const level = levels.at(-1)
    if (found === '{' || found === '[') {
      if (levels.length === deepest)
        return { property: pathOf(levels), problem: `must not be nested deeper than ${deepest}` }
      levels.push({ names: found === '{' ? new Set() : undefined, at: 0 })
      isName = found === '{'
    } else if (found === '}' || found === ']') {
      levels.pop()
      isName = false
    } else if (found === ',') {
      isName = level!.names !== undefined
      if (typeof level!.at === 'number') level!.at++
    } else if (found === '"') {
      const end = endOfString(text, at)
      if (isName) {
        const name = JSON.parse(text.slice(at, end + 1)) as string
        level!.at = name
        if (level!.names!.has(name)) return { property: pathOf(levels), problem: 'is given twice' }
        level!.names!.add(name)
        isName = false
      }
      at = end
    }
  }
  return undefined
}

/** Where the quote is that ends the string: the first with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote
    while (text[before - 1] === '\\') before--
    if ((quote - before) % 2 === 0) return quote
  }
}

const longestShown = 200

const pathOf = (levels: readonly Level[]): string =>
  levels
    .map(({ at }) => String(at))
    .join('/')
    .slice(0, longestShown)
