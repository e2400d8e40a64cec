/**
 * The kinds of setting. A kind knows how to read what stands in a file or came through the API, and how to say
 * what it would have accepted; it is pure, and the fallback needs no reading.
 *
 * Numbers and booleans are also read from text, since `%{env:NAME}%` gives text. Where the fallback is
 * `undefined` the setting may be absent.
 */
import { Fault } from '#base/fault.ts'
import { formatDuration, parseDuration } from '#base/duration.ts'
import { formatNetwork, parseIp, parseNetwork, formatIp, type IpNetwork } from '#base/ip.ts'
import { formatRate, parseRate, type Rate, rateOf } from '#base/rate.ts'
import { formatSize, parseSize } from '#base/size.ts'
import { utcDateOf } from '#base/utc-date.ts'
import { Secret } from './secret.ts'

type FieldKind =
  | 'text'
  | 'secret'
  | 'boolean'
  | 'integer'
  | 'duration'
  | 'size'
  | 'rate'
  | 'enum'
  | 'list'
  | 'socketAddress'
  | 'ipNetwork'
  | 'path'
  | 'record'
  | 'dateTime'

export interface Field<T> {
  readonly kind: FieldKind
  readonly fallback: T
  /** One sentence for forms and the reference. */
  readonly help: string
  /** What `read` accepts, to be put after "must be": `a duration such as "5m"`. */
  readonly allowed: string
  /** The dotted key of existing configuration files; after the id where the object is `many`. */
  readonly classic?: string
  /** A change takes effect at the next start only. */
  readonly restart?: true
  /** Whoever writes the object must give this field; the fallback is never used for it then. */
  readonly required?: true
  /** `atCreation`: stays as it was given then. `never`: the server says it. Absent: may change at any time. */
  readonly settable?: 'atCreation' | 'never'
  /** Of a list: what its elements are. */
  readonly item?: Field<unknown>
  /** Of an enum: all that it may be. */
  readonly words?: readonly string[]
  /** Of a list: how many elements it may have. */
  readonly count?: { readonly min: number; readonly max: number }
  /** Of a record: what its parts are. */
  readonly parts?: Readonly<Record<string, Field<unknown>>>
  /** Of a number. */
  readonly bounds?: Bounds
  /** Of a text, in UTF-16 units. */
  readonly longest?: number
  /** Throws Fault `invalid` whose public text says what is allowed and does not repeat the input. */
  read(input: unknown): T
  /** The value as JSON that `read` takes; where absent, it is that already. Secrets are never shown. */
  show?(value: T): unknown
}

/** What every kind of field is declared with. */
export interface FieldOptions<D> {
  readonly fallback: D
  readonly help: string
  readonly classic?: string
  readonly restart?: true
  readonly required?: true
  readonly settable?: 'atCreation' | 'never'
}

/** `parse` gives undefined for what it does not accept. */
function field<T, D>(
  kind: FieldKind,
  allowed: string,
  options: FieldOptions<D>,
  parse: (input: unknown) => T | undefined,
): Field<T | D> {
  return {
    kind,
    allowed,
    fallback: options.fallback,
    help: options.help,
    ...(options.classic !== undefined && { classic: options.classic }),
    ...(options.restart && { restart: true }),
    ...(options.required && { required: true }),
    ...(options.settable && { settable: options.settable }),
    read: (input) => {
      const value = parse(input)
      if (value === undefined) throw new Fault('invalid', `must be ${allowed}`, {})
      return value
    },
  }
}

/** Keys and certificates are a few KiB; nothing that is told in a setting is longer than this. */
const longestText = 65_536

/** `normalise` gives the stored spelling of a text or undefined where it is wrong; `allowed` then says what is right. */
export const text = <D extends string | undefined>(
  options: FieldOptions<D> & {
    allowed?: string
    longest?: number
    normalise?: (text: string) => string | undefined
  },
): Field<string | D> => {
  const { longest = longestText, normalise } = options
  const allowed =
    options.allowed ?? (longest === longestText ? 'a text' : `a text of at most ${longest} characters`)
  const whole = field('text', allowed, options, (input) => {
    if (typeof input !== 'string' || input.length > longest) return undefined
    return normalise === undefined ? input : normalise(input)
  })
  return { ...whole, longest }
}

export const secret = <D extends Secret | undefined>(options: FieldOptions<D>): Field<Secret | D> =>
  field('secret', 'a text that is not empty', options, (input) =>
    typeof input === 'string' && input !== '' && input.length <= longestText ? new Secret(input) : undefined,
  )

const longestPath = 4096

/** A file or directory. Relative ones are taken from the directory that the server was started in. */
export const path = <D extends string | undefined>(options: FieldOptions<D>): Field<string | D> =>
  field('path', 'the path of a file or directory', options, (input) =>
    typeof input === 'string' && input !== '' && input.length <= longestPath && !input.includes('\0')
      ? input
      : undefined,
  )

export const boolean = <D extends boolean | undefined>(options: FieldOptions<D>): Field<boolean | D> =>
  field('boolean', 'true or false', options, (input) => {
    if (typeof input === 'boolean') return input
    return input === 'true' ? true : input === 'false' ? false : undefined
  })

/** Spelled out for messages: ` between 1 and 65535`. */
function describeBounds(
  min: number | undefined,
  max: number | undefined,
  show: (n: number) => string,
): string {
  if (min !== undefined && max !== undefined) return ` between ${show(min)} and ${show(max)}`
  if (min !== undefined) return `, ${show(min)} or more`
  return max === undefined ? '' : `, ${show(max)} or less`
}

interface Bounds {
  readonly min?: number
  readonly max?: number
}

const bounded = <T>(whole: Field<T>, { min, max }: Bounds): Field<T> => ({
  ...whole,
  bounds: { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) },
})

const within = (value: number | undefined, { min = 0, max = Infinity }: Bounds): number | undefined =>
  value !== undefined && value >= min && value <= max ? value : undefined

/** Without `min` also below zero. */
export const integer = <D extends number | undefined>(options: FieldOptions<D> & Bounds): Field<number | D> =>
  bounded(
    field(
      'integer',
      `a whole number${describeBounds(options.min, options.max, String)}`,
      options,
      (input) => {
        const value = typeof input === 'string' && /^-?\d{1,16}$/.test(input.trim()) ? Number(input) : input
        if (!Number.isSafeInteger(value)) return undefined
        return within(value as number, { min: options.min ?? -Infinity, ...options })
      },
    ),
    options,
  )

const stringOrNumber = (input: unknown): input is string | number =>
  typeof input === 'string' || typeof input === 'number'

/** In milliseconds. */
export const duration = <D extends number | undefined>(
  options: FieldOptions<D> & Bounds,
): Field<number | D> =>
  bounded(
    field(
      'duration',
      `a duration such as "30s", "5m" or "1h 30m"${describeBounds(options.min, options.max, formatDuration)}`,
      options,
      (input) => (stringOrNumber(input) ? within(parseDuration(input), options) : undefined),
    ),
    { min: 0, ...options },
  )

/** In bytes. */
export const size = <D extends number | undefined>(options: FieldOptions<D> & Bounds): Field<number | D> =>
  bounded(
    field(
      'size',
      `a size such as "64 KiB", "100 MiB" or a number of bytes${describeBounds(options.min, options.max, (bytes) => (bytes === 0 ? '0' : formatSize(bytes)))}`,
      options,
      (input) => (stringOrNumber(input) ? within(parseSize(input), options) : undefined),
    ),
    { min: 0, ...options },
  )

/** So often in so long, or `off`. Programs may give an object of `count` and `period`. */
export const rate = <D extends Rate | undefined>(options: FieldOptions<D>): Field<Rate | D> => ({
  ...field('rate', 'a rate such as "100/1m", or "off"', options, readRate),
  show: (value) => value && formatRate(value),
})

function readRate(input: unknown): Rate | undefined {
  if (typeof input === 'string' || input === false) return parseRate(String(input))
  if (typeof input !== 'object' || input === null) return undefined
  const { count, period } = input as Record<string, unknown>
  return typeof count === 'number' && stringOrNumber(period)
    ? rateOf(count, parseDuration(period))
    : undefined
}

interface Spelled<W> {
  /** Other spellings of some of the words, in lower case. */
  readonly spellings?: Readonly<Record<string, W>>
}

/** One of some words, in any case, with `_` for `-` as well. */
export function oneOf<const W extends string>(
  words: readonly W[],
  options: FieldOptions<NoInfer<W>> & Spelled<NoInfer<W>>,
): Field<W>
export function oneOf<const W extends string>(
  words: readonly W[],
  options: FieldOptions<undefined> & Spelled<NoInfer<W>>,
): Field<W | undefined>
export function oneOf<W extends string>(
  words: readonly W[],
  options: FieldOptions<W | undefined> & Spelled<W>,
): Field<W | undefined> {
  const whole = field(
    'enum',
    `one of ${words.map((word) => `"${word}"`).join(', ')}`,
    options,
    (input): W | undefined => {
      if (typeof input !== 'string') return undefined
      const lower = input.toLowerCase()
      const spelled = options.spellings
      if (spelled !== undefined && Object.hasOwn(spelled, lower)) return spelled[lower]
      return words.find((word) => plainWord(word) === plainWord(lower))
    },
  )
  return { ...whole, words }
}

const plainWord = (word: string): string => word.toLowerCase().replaceAll('_', '-')

/** How many there may be. */
interface Counted {
  readonly min?: number
  readonly max?: number
}

/** Several values of another kind, whose own fallback does not matter. A single value is a list of one. */
export function list<T>(
  item: Field<T | undefined>,
  options: FieldOptions<readonly NoInfer<T>[]> & Counted,
): Field<readonly T[]>
export function list<T>(
  item: Field<T | undefined>,
  options: FieldOptions<undefined> & Counted,
): Field<readonly T[] | undefined>
export function list<T>(
  item: Field<T | undefined>,
  options: FieldOptions<readonly T[] | undefined> & Counted,
): Field<readonly T[] | undefined> {
  const { min = 0, max = Infinity } = options
  const least = min === 0 ? '' : ` of at least ${min}`
  const most = max === Infinity ? '' : `, at most ${max}`
  const whole = field('list', `a list${least}${most}, each ${item.allowed}`, options, (input) => {
    const items = Array.isArray(input) ? (input as readonly unknown[]) : [input]
    if (items.length < min || items.length > max) return undefined
    return items.map((value) => item.read(value) as T)
  })
  return {
    ...whole,
    item,
    count: { min, max },
    ...(item.show && {
      show: (values: readonly T[] | undefined) => values?.map((value) => item.show!(value)),
    }),
  }
}

export interface SocketAddress {
  readonly ip: string
  /** 0 asks the system for a free one. */
  readonly port: number
}

/** `192.0.2.1:25` or `[2001:db8::1]:25`; undefined where it is neither. */
function parseSocketAddress(input: string): SocketAddress | undefined {
  const match = /^(?:\[([^\]]{2,64})\]|([^:[\]]{1,64})):(\d{1,5})$/.exec(input)
  if (match === null) return undefined
  const ip = parseIp(match[1] ?? match[2]!)
  const port = Number(match[3])
  // Brackets hold a colon, and only brackets do.
  if (ip === undefined || port > 65_535 || (match[1] !== undefined) !== (match[1]?.includes(':') ?? false))
    return undefined
  return { ip: formatIp(ip), port }
}

const formatSocketAddress = ({ ip, port }: SocketAddress): string =>
  ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`

export const socketAddress = <D extends SocketAddress | undefined>(
  options: FieldOptions<D>,
): Field<SocketAddress | D> => ({
  ...field(
    'socketAddress',
    'an address with a port such as "0.0.0.0:25" or "[::]:25"',
    options,
    (input): SocketAddress | undefined => (typeof input === 'string' ? parseSocketAddress(input) : undefined),
  ),
  show: (address) => address && formatSocketAddress(address),
})

export const ipNetwork = <D extends IpNetwork | undefined>(
  options: FieldOptions<D>,
): Field<IpNetwork | D> => ({
  ...field(
    'ipNetwork',
    'an IP address or network such as "192.0.2.0/24" or "2001:db8::/32"',
    options,
    (input): IpNetwork | undefined => (typeof input === 'string' ? parseNetwork(input) : undefined),
  ),
  show: (network) => network && formatNetwork(network),
})

/** A value of several named parts, such as an alias with its description. Parts that are absent have their fallbacks. */
export function record<P extends Record<string, Field<unknown>>, D>(
  parts: P,
  options: FieldOptions<D>,
): Field<{ readonly [K in keyof P]: P[K]['fallback'] } | D> {
  const allowed = `an object of ${Object.keys(parts).join(', ')}`
  const whole = field<{ readonly [K in keyof P]: P[K]['fallback'] }, D>(
    'record',
    allowed,
    options,
    (input) => {
      if (typeof input !== 'object' || input === null || Array.isArray(input)) return undefined
      const given = input as Record<string, unknown>
      const entries = Object.entries(parts).map(([name, part]) => [
        name,
        Object.hasOwn(given, name) ? part.read(given[name]) : part.fallback,
      ])
      return Object.fromEntries(entries) as { readonly [K in keyof P]: P[K]['fallback'] }
    },
  )
  return { ...whole, parts }
}

/** A moment as people and JSON write it, `2026-03-04T05:06:07Z` (RFC 3339 §5.6). */
export const dateTime = <D extends string | undefined>(options: FieldOptions<D>): Field<string | D> =>
  field('dateTime', 'a time such as "2026-03-04T05:06:07Z"', options, (input) => {
    if (
      typeof input !== 'string' ||
      !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/i.test(input)
    )
      return undefined
    const at = Date.parse(input)
    return Number.isNaN(at) ? undefined : utcDateOf(at)
  })
