/**
 * A log: a level, a format and a destination. Lost lines are told as soon as there is room again.
 */
import { mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { isatty } from 'node:tty'
import { Fault } from '#base/fault.ts'
import type { Settings } from '#settings/object.ts'
import type { Level } from '#telemetry/level.ts'
import type { TelemetryContext } from '#telemetry/telemetry.ts'
import { linesDropped } from './events.ts'
import { jsonFormat, textFormat, type LineFormat, type LoggedKind, type LoggedValues } from './log-line.ts'
import { LogOutput } from './log-output.ts'
import { tracer } from './settings.ts'

export class LogWriter implements AsyncDisposable {
  readonly level: Level
  readonly #format: LineFormat
  readonly #output: LogOutput

  constructor(level: Level, format: LineFormat, output: LogOutput) {
    this.level = level
    this.#format = format
    this.#output = output
  }

  /** The caller has compared levels. */
  write(atMs: number, kind: LoggedKind, values: LoggedValues, context: TelemetryContext): void {
    const isWritten = this.#output.write(this.#format(atMs, kind, values, context))
    if (!isWritten || !this.#output.hasLost) return
    this.#output.write(this.#format(atMs, linesDropped, { lines: this.#output.takeLost() }, {}))
  }

  flush(): Promise<void> {
    return this.#output.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#output[Symbol.asyncDispose]()
  }
}

const standardOutput = 1

/** Opens the logs that the settings name. Throws Fault `unavailable` where a file cannot be opened. */
export function openLogWriters(settings: Settings): readonly LogWriter[] {
  const tracers = settings.each(tracer)
  if (tracers.length === 0)
    return [
      openLogWriter({ type: 'stdout', level: 'info', format: 'text', path: undefined, ansi: undefined }),
    ]
  return tracers.filter((t) => t.enable).map(openLogWriter)
}

export interface LogDestination {
  readonly type: 'stdout' | 'log'
  readonly level: Level
  readonly format: 'text' | 'json'
  readonly path: string | undefined
  readonly ansi: boolean | undefined
}

export function openLogWriter(to: LogDestination): LogWriter {
  const isFile = to.type === 'log'
  const fd = isFile ? openForAppend(to.path) : standardOutput
  const useColour = to.ansi ?? (!isFile && isatty(fd) && process.env['NO_COLOR'] === undefined)
  const format = to.format === 'json' ? jsonFormat() : textFormat(useColour)
  return new LogWriter(to.level, format, new LogOutput(fd, isFile))
}

function openForAppend(path: string | undefined): number {
  if (path === undefined)
    throw new Fault('invalid', 'a log of type "log" needs a path', { properties: ['path'] })
  try {
    mkdirSync(dirname(path), { recursive: true })
    return openSync(path, 'a', 0o640)
  } catch (cause) {
    throw new Fault(
      'unavailable',
      'the log cannot be opened',
      {},
      { reason: `cannot open the log ${path}: ${String(cause)}`, cause },
    )
  }
}
