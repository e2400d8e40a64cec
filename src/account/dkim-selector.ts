/**
 * Selectors of DKIM keys (RFC 6376 §3.1), and the templates that they are made by. A selector that was used once
 * should not be used for another key, since its record may be remembered anywhere: hence version and date.
 */
import type { DkimAlgorithm } from './dkim-tables.ts'

/** A label of a selector: letters, digits, and hyphens inside. */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const longestSelector = 100
const longestTemplate = 200

/** In lower case; undefined where it is none. */
export function readSelector(given: string): string | undefined {
  if (given.length > longestSelector) return undefined
  const selector = given.toLowerCase()
  return selector.split('.').every((one) => label.test(one)) ? selector : undefined
}

const joint = '._domainkey.'

/** Where the key is found (RFC 6376 §3.6.2.1). */
export const dkimRecordName = (domain: string, selector: string): string => `${selector}${joint}${domain}`

/** Of a name as `dkimRecordName` makes it. */
export function splitRecordName(name: string): { domain: string; selector: string } | undefined {
  const at = name.indexOf(joint)
  return at < 1 ? undefined : { selector: name.slice(0, at), domain: name.slice(at + joint.length) }
}

const shortNames: Readonly<Record<DkimAlgorithm, string>> = {
  'ed25519-sha256': 'ed25519',
  'rsa-sha256': 'rsa',
}

interface SelectorFacts {
  readonly algorithm: DkimAlgorithm
  /** The generation of the key. */
  readonly version: number
  readonly atMs: number
}

/**
 * `{version}`, `{algorithm}` and `{date-%Y%m%d}`, where the parts of the date are `%Y %y %m %d %j %H %M` in UTC.
 * Undefined where that makes no selector.
 */
function expand(template: string, { algorithm, version, atMs }: SelectorFacts): string | undefined {
  const iso = new Date(atMs).toISOString()
  const dayOfYear = Math.floor((atMs - Date.UTC(Number(iso.slice(0, 4)), 0, 1)) / 86_400_000) + 1
  const parts: Readonly<Record<string, string>> = {
    '%Y': iso.slice(0, 4),
    '%y': iso.slice(2, 4),
    '%m': iso.slice(5, 7),
    '%d': iso.slice(8, 10),
    '%j': String(dayOfYear).padStart(3, '0'),
    '%H': iso.slice(11, 13),
    '%M': iso.slice(14, 16),
  }
  const made = template.replaceAll(/\{(version|algorithm|date-([^{}]*))\}/g, (_whole, word: string, form) => {
    if (word === 'version') return String(version)
    if (word === 'algorithm') return shortNames[algorithm]
    return String(form).replaceAll(/%./g, (one) => parts[one] ?? one)
  })
  return readSelector(made)
}

/** The template as it is kept; undefined where it makes no selectors. */
export function readSelectorTemplate(given: string): string | undefined {
  if (given.length > longestTemplate) return undefined
  const version = 1_000_000
  const made = expand(given, { algorithm: 'ed25519-sha256', version, atMs: 0 })
  return made === undefined || readSelector(`${made}-${version}`) === undefined ? undefined : given
}

/** One that is not taken: a template without version and date makes the same one twice. */
export function newSelector(
  template: string,
  facts: SelectorFacts,
  isTaken: (selector: string) => boolean,
): string {
  const made = expand(template, facts)!
  return isTaken(made) ? `${made}-${facts.version}` : made
}
