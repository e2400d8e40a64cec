/**
 * Settings as one source gives them: a configuration file, the store, the environment. Layers lie above each
 * other in this order, fallbacks below all of them, and what a higher one gives is what holds.
 */
import { isFault } from '#base/fault.ts'
import type { Field } from './field.ts'
import { expandMacros, hasMacro, type MacroReader } from './macro.ts'
import type { AnySettingsObject } from './object.ts'

export interface Problem {
  readonly severity: 'error' | 'warning'
  /** The whole line for people: `postern.toml:12: server.hostname must be a text`. */
  readonly text: string
}

export interface GivenValue {
  readonly value: unknown
  /** `postern.toml:12`, `environment`, `store`. */
  readonly origin: string
  /** As it was written, for messages: `server.hostname`, `POSTERN_...`. */
  readonly key: string
  /** The macro that gave all of it: it names a file without showing what is in there. */
  readonly macro?: string
  /** Not accepted, which was told; the value is the fallback. */
  readonly isWrong?: true
}

/** What a source gives of one object; the id is empty for an object of which there is one. */
export interface GivenObject {
  readonly id: string
  readonly origin: string
  readonly key: string
  readonly values: ReadonlyMap<string, GivenValue>
}

export type Layer = ReadonlyMap<AnySettingsObject, readonly GivenObject[]>

/** Where a message says that something stands. */
export const placeOf = ({ origin, key }: { readonly origin: string; readonly key: string }): string =>
  origin.includes(':') ? `${origin}: ${key}` : key

/**
 * Reads what was written, with its macros. What the field does not accept is reported; what came from a macro
 * or belongs to a secret is not shown.
 */
export function readWritten(
  written: unknown,
  field: Field<unknown>,
  at: { readonly origin: string; readonly key: string },
  o: { readonly readMacro: MacroReader; readonly report: (problem: Problem) => void },
): GivenValue {
  let isExpanded = false
  const expand = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(expand)
    if (typeof value !== 'string' || !hasMacro(value)) return value
    isExpanded = true
    return expandMacros(value, o.readMacro)
  }
  try {
    const value = field.read(expand(written))
    return { value, ...at, ...(isOneMacro(written) ? { macro: written } : {}) }
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    const isHidden = isExpanded || (field.item ?? field).kind === 'secret'
    const what = isHidden ? error.publicText : `${error.publicText}, not ${brief(written)}`
    o.report({ severity: 'error', text: `${placeOf(at)} ${what}` })
    return { value: field.fallback, ...at, isWrong: true }
  }
}

const isOneMacro = (written: unknown): written is string =>
  typeof written === 'string' && /^%\{(?:file|env):[^%]{1,200}\}%$/.test(written)

/** A wrong value as a message shows it. */
function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
