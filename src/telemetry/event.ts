/**
 * What a folder's `events.ts` is made of. An EventKind is one line of the log, optionally a counter and a
 * histogram, a type of webhook and a row of the reference, all from this one declaration.
 *
 * Field kinds tell exporters how a value is shown, not how it is checked: the compiler does that, and nothing
 * is validated while the server runs. Message bodies and passwords are never fields.
 */
import type { Level } from './level.ts'

export interface EventField<T> {
  readonly kind: 'text' | 'number' | 'sizeBytes' | 'durationMs' | 'flag' | 'list' | 'secret' | 'error'
  /** Only the type: never present at run time. */
  readonly holds?: T
}

export const text: EventField<string> = { kind: 'text' }
/** A count, a code, a port. */
export const number: EventField<number> = { kind: 'number' }
/** Bytes: shown as `4.0KiB` to people, as a number to machines. */
export const sizeBytes: EventField<number> = { kind: 'sizeBytes' }
/** Milliseconds, also fractions. */
export const durationMs: EventField<number> = { kind: 'durationMs' }
export const flag: EventField<boolean> = { kind: 'flag' }
export const list: EventField<readonly string[]> = { kind: 'list' }
/** Something whose presence matters and whose value nobody may see. */
export const secret: EventField<string> = { kind: 'secret' }
/** Whatever was thrown: shown with its stack. */
export const error: EventField<unknown> = { kind: 'error' }
/** A field that an event may go without. */
export const maybe = <T>(field: EventField<T>): EventField<T | undefined> => field

export interface EventKind<F> {
  /** `folder.what-happened`, unique. */
  readonly name: `${string}.${string}`
  readonly level: Level
  /** One sentence for the reference, and the help of its metrics. */
  readonly help: string
  readonly fields: { readonly [K in keyof F]: EventField<F[K]> }
  /** The exact name of the counter that each event adds one to, ending in `_total`. Kinds may share a counter. */
  readonly count?: `${string}_total`
  /** The field in milliseconds that feeds the histogram `<name>_seconds`, dots and hyphens as underscores. */
  readonly time?: keyof F & string
}

/** The values of an event: those declared with `maybe` may be left out. */
export type EventValues<F> = {
  readonly [K in keyof F as undefined extends F[K] ? never : K]: F[K]
} & { readonly [K in keyof F as undefined extends F[K] ? K : never]?: F[K] }

/** Gives a declaration its type. Names that every log line has already are refused. */
export function eventKind<F>(declaration: EventKind<F>): EventKind<F> {
  for (const name of ['at', 'level', 'event'])
    if (Object.hasOwn(declaration.fields, name))
      throw new Error(`event ${declaration.name}: no field may be called ${name}`)
  return declaration
}
