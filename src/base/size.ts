/**
 * Amounts of bytes as people write them in settings: `100 MiB`, `50mb`, `64k`, `4096`.
 *
 * Every unit counts in steps of 1024, also `kb` and `mb`: that is what those who write mail limits mean.
 * In code a size is a plain number of bytes whose name ends in `Bytes`.
 */

const steps = ['b', 'k', 'm', 'g', 't', 'p']
const longestText = 32

/** Bytes. A number is bytes already. Undefined where the input is no size or beyond what a number holds exactly. */
export function parseSize(input: string | number): number | undefined {
  if (typeof input === 'number') return Number.isSafeInteger(input) && input >= 0 ? input : undefined
  const text = input.trim().toLowerCase()
  if (text.length > longestText) return undefined
  const match = /^(\d+(?:\.\d+)?) *(?:([kmgtp])(?:i?b)?|b|bytes?)?$/.exec(text)
  if (match === null) return undefined
  const bytes = Math.round(Number(match[1]) * 1024 ** steps.indexOf(match[2] ?? 'b'))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** An exact text in the largest unit that gives a whole number: `100 MiB`, `1500 B`. Reads back as the same number. */
export function formatSize(bytes: number): string {
  let count = bytes
  let unit = 0
  while (count > 0 && count % 1024 === 0 && unit < units.length - 1) {
    count /= 1024
    unit++
  }
  return `${count} ${units[unit]}`
}

/** A short text for logs and pages, good to two digits: `4.0KiB`, `17MiB`, `512B`. */
export function approximateSize(bytes: number): string {
  let count = bytes
  let unit = 0
  while (count >= 1023.5 && unit < units.length - 1) {
    count /= 1024
    unit++
  }
  return `${unit === 0 || count >= 9.95 ? Math.round(count) : count.toFixed(1)}${units[unit]}`
}
