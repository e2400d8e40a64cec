/**
 * Lengths of time as people write them in settings: `250ms`, `30s`, `5m`, `1h 30m`, `7d`, `2w`.
 *
 * In code a duration is a plain number of milliseconds whose name ends in `Ms`. `formatDuration` loses
 * nothing: parsing what it wrote gives the same number.
 */

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
  weeks: 604_800_000,
}

/** Longer texts are not durations, whatever they hold. */
const longestText = 64

/**
 * Milliseconds. A number, or a text of digits only, is milliseconds already. Undefined where the input is
 * no duration: negative, of an unknown unit, with units that do not descend, or beyond what a number holds exactly.
 */
export function parseDuration(input: string | number): number | undefined {
  if (typeof input === 'number') return Number.isSafeInteger(input) && input >= 0 ? input : undefined
  const text = input.trim().toLowerCase()
  if (text === '' || text.length > longestText) return undefined
  if (/^\d+$/.test(text)) return parseDuration(Number(text))
  const part = /(\d+(?:\.\d+)?) *([a-z]+) */y
  let total = 0
  let lastUnit = Infinity
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return undefined
    const unit = Object.hasOwn(unitMs, match[2]!) ? unitMs[match[2]!]! : undefined
    if (unit === undefined || unit >= lastUnit) return undefined
    lastUnit = unit
    total += Number(match[1]) * unit
  }
  const whole = Math.round(total)
  return Number.isSafeInteger(whole) ? whole : undefined
}

const written = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** The shortest exact text for a whole number of milliseconds: `1h 30m`, `0s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s'
  let rest = durationMs
  const parts: string[] = []
  for (const [unit, size] of written) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.join(' ')
}
