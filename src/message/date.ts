/**
 * Dates of mail (RFC 5322 §3.3 and §4.3) and of IMAP. Reading takes the obsolete forms and those that
 * programs wrote instead (asctime, ISO 8601, "17-Jul-1996", "July 17, 1996 2:23 PM"); what has no day,
 * month or year, or a day that does not exist, is no date. Nothing here knows the time of now.
 */
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** RFC 5322 §4.3. The military letters and unknown names count as UTC, as it says; in minutes. */
const ZONES: ReadonlyMap<string, number> = new Map([
  ['edt', -240],
  ['est', -300],
  ['cdt', -300],
  ['cst', -360],
  ['mdt', -360],
  ['mst', -420],
  ['pdt', -420],
  ['pst', -480],
  ['bst', 60],
  ['cet', 60],
  ['met', 60],
  ['cest', 120],
  ['mest', 120],
  ['eet', 120],
  ['eest', 180],
  ['msk', 180],
  ['jst', 540],
])

/** A date field longer than this is not read further. */
const MAX_LENGTH = 256

export interface MailDate {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly ms: number
  /** The sender's offset from UTC, in minutes east. */
  readonly zoneMinutes: number
}

interface Found {
  day: number
  month: number
  year: number
  hour: number
  minute: number
  second: number
  hasTime: boolean
  zone: number
  afternoon: boolean | undefined
}

/** The date of a Date field's value; undefined where there is none. */
export function parseDate(text: string): MailDate | undefined {
  const found: Found = {
    day: -1,
    month: -1,
    year: -1,
    hour: 0,
    minute: 0,
    second: 0,
    hasTime: false,
    zone: 0,
    afternoon: undefined,
  }
  // RFC 5322 §4.3: white space may stand around the colons.
  const clean = withoutComments(text.slice(0, MAX_LENGTH)).replace(/\s*:\s*/g, ':')
  for (const token of clean.split(/[\s,]/)) {
    if (token !== '') readToken(token, found)
  }
  return toDate(found)
}

/** Comments may stand anywhere (RFC 5322 §3.2.2); one that never ends reaches to the end. */
function withoutComments(text: string): string {
  if (!text.includes('(')) return text
  let out = ''
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (depth > 0 && c === '\\') i++
    else if (c === '(') depth++
    else if (c === ')' && depth > 0) depth--
    else if (depth === 0) out += c
    if (c === ')' && depth === 0) out += ' '
  }
  return out
}

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39

function readToken(token: string, found: Found): void {
  const first = token.charCodeAt(0)
  if ((first === 0x2b || first === 0x2d) && found.hasTime) {
    found.zone = readOffset(token)
  } else if (isDigit(first)) {
    readNumeric(token, found)
  } else {
    readName(token.toLowerCase(), found)
  }
}

function readNumeric(token: string, found: Found): void {
  const iso = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:T(.{1,40}))?$/i.exec(token)
  if (iso !== null) {
    found.year = Number(iso[1])
    found.month = Number(iso[2]) - 1
    found.day = Number(iso[3])
    if (iso[4] !== undefined) readNumeric(iso[4], found)
    return
  }
  const time = /^(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,]\d{1,9})?)?(.{0,20})$/.exec(token)
  if (time !== null && !found.hasTime && (token.includes(':') || found.day >= 0)) {
    found.hour = Number(time[1])
    found.minute = Number(time[2])
    found.second = Number(time[3] ?? 0)
    found.hasTime = true
    if (time[4] !== undefined && time[4] !== '') readToken(time[4], found)
    return
  }
  const dashed = /^(\d{1,2})[-/.]([a-z]{3,9})[-/.](\d{2,4})$/i.exec(token)
  if (dashed !== null) {
    setDay(dashed[1]!, found)
    readName(dashed[2]!.toLowerCase(), found)
    setYear(dashed[3]!, found)
    return
  }
  const plain = /^(\d{1,4})(?:st|nd|rd|th)?$/i.exec(token)
  if (plain === null) return
  if (found.day < 0 && plain[1]!.length <= 2) setDay(plain[1]!, found)
  else if (found.year < 0) setYear(plain[1]!, found)
}

function setDay(digits: string, found: Found): void {
  found.day = Number(digits)
}

/** RFC 5322 §4.3: two digits below 50 are of this century, the others and three digits of the last. */
function setYear(digits: string, found: Found): void {
  const year = Number(digits)
  found.year = digits.length > 3 ? year : digits.length === 3 || year >= 50 ? year + 1900 : year + 2000
}

function readName(name: string, found: Found): void {
  if (found.hasTime && (name === 'am' || name === 'pm')) {
    found.afternoon = name === 'pm'
    return
  }
  if (found.month < 0) {
    const month = MONTHS.indexOf(name.slice(0, 3))
    if (month >= 0) {
      found.month = month
      return
    }
  }
  if (!found.hasTime) return
  const offset = /^(?:gmt|utc?)([+-].{1,6})$/.exec(name)
  found.zone = offset === null ? (ZONES.get(name) ?? found.zone) : readOffset(offset[1]!)
}

/** "+0200", "+02:00" or "+2"; 0 for an offset that no clock on earth has (RFC 5322 §3.3). */
function readOffset(text: string): number {
  const match = /^([+-])(\d{1,2}):?(\d{2})?/.exec(text)
  if (match === null) return 0
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0)
  return minutes > 24 * 60 || Number(match[3] ?? 0) > 59 ? 0 : (match[1] === '-' ? -minutes : minutes) + 0
}

function toDate(found: Found): MailDate | undefined {
  const { year, month, day, zone } = found
  let { hour, minute, second } = found
  if (year < 1 || month < 0 || month > 11 || day < 1 || day > 31) return undefined
  if (found.afternoon === true && hour < 12) hour += 12
  if (found.afternoon === false && hour === 12) hour = 0
  // RFC 5256 §2.2: a time that is none counts as midnight.
  if (hour > 24 || minute > 59 || second > 60) hour = minute = second = 0
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  if (date.getUTCMonth() !== month) return undefined
  return { ms: date.getTime() + ((hour * 60 + minute - zone) * 60 + second) * 1000, zoneMinutes: zone }
}

const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`)

function formatZone(zoneMinutes: number): string {
  const size = Math.abs(zoneMinutes)
  return `${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`
}

const formatTime = (d: Date): string =>
  `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`
const formatYear = (d: Date): string => `${d.getUTCFullYear()}`.padStart(4, '0')

/** "Wed, 17 Jul 1996 02:23:25 -0700" (RFC 5322 §3.3). */
export function formatDate(ms: number, zoneMinutes = 0): string {
  const d = new Date(ms + zoneMinutes * 60_000)
  const date = `${DAY_NAMES[d.getUTCDay()]!}, ${d.getUTCDate()} ${MONTH_NAMES[d.getUTCMonth()]!} ${formatYear(d)}`
  return `${date} ${formatTime(d)} ${formatZone(zoneMinutes)}`
}

/** " 7-Jul-1996 02:44:25 -0700": the date-time of RFC 9051 §9, without its quotes. */
export function formatInternalDate(ms: number, zoneMinutes = 0): string {
  const d = new Date(ms + zoneMinutes * 60_000)
  const day = `${d.getUTCDate()}`.padStart(2, ' ')
  return `${day}-${MONTH_NAMES[d.getUTCMonth()]!}-${formatYear(d)} ${formatTime(d)} ${formatZone(zoneMinutes)}`
}
