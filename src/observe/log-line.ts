/**
 * Events as lines: `2026-11-21T04:10:00.123Z info  smtp.message-received  from=a@b size=4.0KiB` for people, or
 * one JSON object per line. Each line ends in a line feed; only the stack of an error takes further lines in
 * the text form, indented, so that no value can begin a line. Secrets are shown as being there.
 */
import { inspect } from 'node:util'
import { isFault } from '#base/fault.ts'
import { approximateSize } from '#base/size.ts'
import { Secret } from '#settings/secret.ts'
import type { EventField } from '#telemetry/event.ts'
import type { Level } from '#telemetry/level.ts'
import type { TelemetryContext } from '#telemetry/telemetry.ts'
import { quoted, visible, word } from './printable.ts'

/** What a formatter needs to know of an EventKind. */
export interface LoggedKind {
  readonly name: string
  readonly level: Level
  readonly fields: Readonly<Record<string, EventField<unknown>>>
}
export type LoggedValues = Readonly<Record<string, unknown>>
export type LineFormat = (
  atMs: number,
  kind: LoggedKind,
  values: LoggedValues,
  context: TelemetryContext,
) => string

/** ISO 8601 with milliseconds; the part before them is worked out once a second. */
function timestamps(): (atMs: number) => string {
  let second = NaN
  let prefix = ''
  return (atMs) => {
    const now = Math.floor(atMs / 1000)
    if (now !== second) {
      second = now
      prefix = new Date(now * 1000).toISOString().slice(0, 20)
    }
    return `${prefix}${String(Math.floor(atMs - now * 1000)).padStart(3, '0')}Z`
  }
}

const colours: Record<Level, string> = {
  debug: '\x1b[2m',
  info: '\x1b[32m',
  warn: '\x1b[33m',
  error: '\x1b[31m',
}

export function textFormat(useColour: boolean): LineFormat {
  const timestamp = timestamps()
  const level = (name: Level): string =>
    useColour ? `${colours[name]}${name.padEnd(5)}\x1b[0m` : name.padEnd(5)
  return (atMs, kind, values, context) => {
    let line = `${timestamp(atMs)} ${level(kind.level)} ${kind.name} `
    let stacks = ''
    for (const name in kind.fields) {
      const value = values[name]
      if (value === undefined) continue
      line += ` ${name}=${textValue(kind.fields[name]!.kind, value)}`
      if (kind.fields[name]!.kind === 'error') stacks += indentedStack(value)
    }
    for (const name in context) {
      const value = context[name]
      if (value !== undefined && !Object.hasOwn(kind.fields, name))
        line += ` ${word(name)}=${plainText(value)}`
    }
    return `${line}\n${stacks}`
  }
}

const plainText = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : word(String(value))

function textValue(kind: EventField<unknown>['kind'], value: unknown): string {
  if (kind === 'secret' || value instanceof Secret) return '[secret]'
  if (kind === 'error') return word(messageOf(value))
  if (kind === 'sizeBytes' && typeof value === 'number') return approximateSize(value)
  if (kind === 'durationMs' && typeof value === 'number') return approximateDuration(value)
  return Array.isArray(value) ? word(value.join(',')) : plainText(value)
}

/** `350µs`, `1.2ms`, `45ms`, `2.5s`. */
function approximateDuration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)}µs`
  if (ms < 9.95) return `${ms.toFixed(1)}ms`
  return ms < 999.5 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(1)}s`
}

const messageOf = (error: unknown): string =>
  error instanceof Error
    ? `${error.name}: ${error.message}`
    : typeof error === 'string'
      ? error
      : inspect(error)

/**
 * Trouble that the code foresaw, of the machine at most, such as a full disk: its message says all. It may come
 * with every message that a sender tries again.
 */
function isForeseen(error: unknown): boolean {
  if (isFault(error)) return error.cause === undefined || isForeseen(error.cause)
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string'
}

/** Stacks of the error and of what caused it, which is followed four times; none of a Fault that was foreseen. */
function stackLines(error: unknown): readonly string[] {
  if (isFault(error) && isForeseen(error)) return []
  const lines: string[] = []
  let at = error
  for (let depth = 0; depth < 4 && at instanceof Error; depth++, at = at.cause) {
    const stack = (at.stack ?? messageOf(at)).split('\n').slice(0, 30)
    lines.push(...stack.map((line, i) => (i === 0 && depth > 0 ? `caused by ${line}` : line)))
  }
  return lines
}

const indentedStack = (error: unknown): string =>
  stackLines(error)
    .map((line) => `    ${visible(line)}\n`)
    .join('')

/** Names of fields are ours and need no escaping; those of a context are held to be as well. */
export function jsonFormat(): LineFormat {
  const timestamp = timestamps()
  return (atMs, kind, values, context) => {
    let line = `{"at":"${timestamp(atMs)}","level":"${kind.level}","event":"${kind.name}"`
    for (const name in kind.fields) {
      const value = values[name]
      if (value !== undefined) line += `,"${name}":${jsonValue(kind.fields[name]!.kind, value)}`
    }
    for (const name in context) {
      const value = context[name]
      if (value !== undefined && !isTaken(name, kind)) line += `,${quoted(name)}:${jsonPlain(value)}`
    }
    return `${line}}\n`
  }
}

const isTaken = (name: string, kind: LoggedKind): boolean =>
  name === 'at' || name === 'level' || name === 'event' || Object.hasOwn(kind.fields, name)

function jsonPlain(value: unknown): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
  return typeof value === 'boolean' ? String(value) : quoted(String(value))
}

function jsonValue(kind: EventField<unknown>['kind'], value: unknown): string {
  if (kind === 'secret' || value instanceof Secret) return '"[secret]"'
  if (kind === 'error') {
    const stack = stackLines(value).join('\n')
    const more = stack === '' ? '' : `,"stack":${quoted(stack, 8000)}`
    return `{"message":${quoted(messageOf(value))}${more}}`
  }
  return Array.isArray(value) ? `[${value.map(jsonPlain).join(',')}]` : jsonPlain(value)
}
