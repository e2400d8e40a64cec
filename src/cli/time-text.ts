/** Times as people say them: how long ago, how long from now; and as they type them. */
import { formatDuration, parseDuration } from '#base/duration.ts'
import { usageFailure } from './failure.ts'

const units = [86_400_000, 3_600_000, 60_000, 1000]

/** In its largest unit, days with hours: `3h`, `2d 4h`. */
function roughly(ms: number): string {
  const unit = units.find((one) => ms >= one)
  if (unit === undefined) return '0s'
  const finer = unit === units[0] ? units[1]! : unit
  return formatDuration(Math.floor(ms / finer) * finer)
}

/** `in 5m`, `3h ago`, `now`; nothing where it is no time. */
export function relative(given: unknown, nowMs: number): string {
  const at = typeof given === 'string' ? Date.parse(given) : NaN
  if (Number.isNaN(at)) return ''
  const ms = at - nowMs
  if (Math.abs(ms) < 1000) return 'now'
  return ms > 0 ? `in ${roughly(ms)}` : `${roughly(-ms)} ago`
}

/** `2026-03-04T05:06:07Z (in 5m)`. */
export function moment(given: unknown, nowMs: number): string {
  const said = relative(given, nowMs)
  return said === '' ? '' : `${String(given).replace(/\.\d+Z$/, 'Z')} (${said})`
}

/** A time that is to come, as it is given: `2h`, or `2026-03-04T05:06:07Z`. Throws CliFailure for anything else. */
export function readComing(given: string, nowMs: number): string {
  const wait = /^\d+$/.test(given) ? undefined : parseDuration(given)
  const at = wait === undefined ? (/^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : NaN) : nowMs + wait
  if (Number.isNaN(at)) throw usageFailure(`"${given}" is no time`, 'such as 2h, or 2026-03-04T05:06:07Z')
  return new Date(at).toISOString()
}
