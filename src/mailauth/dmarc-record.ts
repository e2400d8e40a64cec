/**
 * DMARC policy records (RFC 9989 §4.7, §4.8): `v=DMARC1; p=reject; rua=mailto:...`.
 *
 * What must hold: any text gives a record or says that it is none, in linear time. Only the version decides
 * whether it is one; what is wrong after it counts as not given, and unknown tags are passed over, among them
 * those of RFC 7489 that are no more (`pct`, `rf`, `ri`).
 */
import { parseReportUris, type ReportUri } from './report-uri.ts'

export type DmarcPolicy = 'none' | 'quarantine' | 'reject'
type AlignmentMode = 'relaxed' | 'strict'
/** When failure reports are wanted: nothing aligned, something did not, a signature failed, SPF failed. */
type FailureOption = '0' | '1' | 'd' | 's'

export interface DmarcRecord {
  /** As it was published. */
  readonly text: string
  /** Of the domain itself. */
  readonly p: DmarcPolicy
  /** Of subdomains that exist; where absent, `p`. */
  readonly sp?: DmarcPolicy
  /** Of subdomains that do not exist; where absent, `sp`. */
  readonly np?: DmarcPolicy
  /** `t=y`: the policy one level below is wanted. */
  readonly isTesting: boolean
  /** `y`: a public suffix, `n`: an organizational domain, `u`: one has to find out. */
  readonly psd: 'y' | 'n' | 'u'
  readonly dkimAlignment: AlignmentMode
  readonly spfAlignment: AlignmentMode
  readonly failureOptions: readonly FailureOption[]
  /** Where aggregate reports are wanted, and failure reports. */
  readonly rua: readonly ReportUri[]
  readonly ruf: readonly ReportUri[]
  /** What is wrong with it, for administrators. */
  readonly problems: readonly string[]
  /** False where the policy is malformed and nobody wants reports: no DMARC then (RFC 9989 §4.10.1). */
  readonly isUsable: boolean
}

const modes = { r: 'relaxed', s: 'strict' } as const
const policies = { none: 'none', quarantine: 'quarantine', reject: 'reject' } as const
const psdValues = { y: 'y', n: 'n', u: 'u' } as const
const testValues = { y: true, n: false } as const

/** Undefined where the text is no DMARC record: its first tag is not the version, or the version is another. */
export function parseDmarcRecord(text: string): DmarcRecord | undefined {
  // The version alone is case-sensitive.
  const version = /^v[ \t]*=[ \t]*(?<value>[^; \t]*)[ \t]*(?:;|$)/i.exec(text)
  if (version?.groups?.['value'] !== 'DMARC1') return undefined
  const tags = new Tags(text.slice(version[0].length))
  const p = tags.oneOf('p', policies)
  const sp = tags.oneOf('sp', policies)
  const np = tags.oneOf('np', policies)
  const rua = tags.uris('rua')
  const psd = tags.oneOf('psd', psdValues) ?? 'u'
  // RFC 9991 §2: a public suffix must not learn of single messages.
  const ruf = psd === 'y' ? [] : tags.uris('ruf')
  const isWhole = p !== undefined && ['sp', 'np'].every((name) => tags.isGoodOrAbsent(name))
  return {
    text,
    // RFC 9989 §4.10.1: with a malformed policy and somebody to report to, as if it were `p=none`.
    p: isWhole ? p : 'none',
    ...(isWhole && sp !== undefined && { sp }),
    ...(isWhole && np !== undefined && { np }),
    isTesting: tags.oneOf('t', testValues) ?? false,
    psd,
    dkimAlignment: tags.oneOf('adkim', modes) ?? 'relaxed',
    spfAlignment: tags.oneOf('aspf', modes) ?? 'relaxed',
    failureOptions: (ruf.length > 0 && tags.failureOptions()) || ['0'],
    rua,
    ruf,
    problems: [...(tags.has('p') ? [] : ['p is missing']), ...tags.problems],
    isUsable: isWhole || rua.length > 0,
  }
}

/** The tags behind the version, and what is wrong with those that were asked for. */
class Tags {
  readonly #values = new Map<string, string>()
  readonly #wrong = new Set<string>()

  constructor(text: string) {
    for (const piece of text.split(';')) {
      const equals = piece.indexOf('=')
      if (equals < 0) continue
      const name = piece.slice(0, equals).trim().toLowerCase()
      // A tag that is there twice is an error of the record (RFC 6376 §3.2); the second is left out.
      if (!this.#values.has(name)) this.#values.set(name, piece.slice(equals + 1).trim())
    }
  }

  get problems(): readonly string[] {
    return [...this.#wrong].map((name) => `${name} has a value that means nothing`)
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** To be asked after the value was read. */
  isGoodOrAbsent(name: string): boolean {
    return !this.#wrong.has(name)
  }

  oneOf<T>(name: string, meanings: { readonly [value: string]: T }): T | undefined {
    const value = this.#values.get(name)?.toLowerCase()
    if (value === undefined) return undefined
    if (Object.hasOwn(meanings, value)) return meanings[value]
    this.#wrong.add(name)
    return undefined
  }

  uris(name: string): readonly ReportUri[] {
    const value = this.#values.get(name)
    if (value === undefined) return []
    const uris = parseReportUris(value)
    if (uris.length === 0) this.#wrong.add(name)
    return uris
  }

  /** RFC 9989 §4.7: each at most once, and not both `0` and `1`. */
  failureOptions(): readonly FailureOption[] | undefined {
    const value = this.#values.get('fo')
    if (value === undefined) return undefined
    const options = value.toLowerCase().split(':', 5)
    const known = options.filter((one): one is FailureOption => /^[01ds]$/.test(one))
    const isGood = known.length === options.length && new Set(known).size === known.length
    if (isGood && !(known.includes('0') && known.includes('1'))) return known
    this.#wrong.add('fo')
    return undefined
  }
}
