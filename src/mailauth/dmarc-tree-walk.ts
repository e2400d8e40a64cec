/**
 * The DNS tree walk of DMARC (RFC 9989 §4.10): from a domain up to its top, asking for policy records. It
 * tells which domain is the organization's, and where the policy of a domain without a record is.
 *
 * What must hold: a walk asks at most eight questions however long the name is, and a domain is asked about
 * once in a check. A question without an answer ends the walk: what lies above could be anything. Domains
 * are normalised (`base/domain-name.ts`), so that they are compared as text.
 */
import { type DmarcRecord, parseDmarcRecord } from './dmarc-record.ts'
import type { AuthResolver } from './resolver.ts'

export type RecordAnswer =
  | { readonly kind: 'record'; readonly record: DmarcRecord }
  /** No record. `count` is 0, or the number of those that were there where only one may be. */
  | { readonly kind: 'none'; readonly count: number }
  | { readonly kind: 'failed'; readonly reason: string }

export type RecordsAnswer =
  | { readonly kind: 'found'; readonly records: readonly DmarcRecord[] }
  | { readonly kind: 'failed'; readonly reason: string }

/** A name can be so long that no record can be below it. */
const longestName = 253

/** Looks up policy records, each once. Throws nothing but the signal's reason. */
export class DmarcRecords {
  readonly #resolver: AuthResolver
  readonly #signal: AbortSignal
  readonly #answers = new Map<string, Promise<RecordAnswer>>()

  constructor(resolver: AuthResolver, signal: AbortSignal) {
    this.#resolver = resolver
    this.#signal = signal
  }

  of(domain: string): Promise<RecordAnswer> {
    let answer = this.#answers.get(domain)
    if (answer === undefined) {
      answer = this.#policyOf(domain)
      this.#answers.set(domain, answer)
    }
    return answer
  }

  async #policyOf(domain: string): Promise<RecordAnswer> {
    const found = await this.at(`_dmarc.${domain}`)
    if (found.kind === 'failed') return found
    const [record, ...others] = found.records
    // RFC 9989 §4.10 step 2: of several, none counts.
    return record !== undefined && others.length === 0
      ? { kind: 'record', record }
      : { kind: 'none', count: found.records.length }
  }

  /** All DMARC records of a name as it is; not remembered. */
  async at(name: string): Promise<RecordsAnswer> {
    if (name.length > longestName) return { kind: 'found', records: [] }
    const found = await this.#resolver.resolve(name, 'TXT', { signal: this.#signal })
    if (found.kind === 'failed') return { kind: 'failed', reason: `${name}: ${found.reason}` }
    if (found.kind !== 'answer') return { kind: 'found', records: [] }
    // RFC 9989 §4.5: the strings are joined without anything between them.
    const records = found.records.flatMap(({ strings }) => {
      const record = parseDmarcRecord(Buffer.concat(strings).toString('latin1'))
      return record === undefined ? [] : [record]
    })
    return { kind: 'found', records }
  }
}

interface FoundRecord {
  readonly domain: string
  readonly record: DmarcRecord
}

export type TreeWalk =
  /** From the longest name to the shortest. */
  | { readonly kind: 'walked'; readonly start: string; readonly found: readonly FoundRecord[] }
  | { readonly kind: 'failed'; readonly reason: string }

/** RFC 9989 §4.10 step 4: above a name of eight labels or more comes one of seven. */
const longestAncestor = 7

/** The last labels of a name, at most `count`. */
const lastLabels = (domain: string, count: number): string => domain.split('.').slice(-count).join('.')
const labelCount = (domain: string): number => domain.split('.').length

function* targets(start: string): Generator<string> {
  yield start
  for (let count = Math.min(labelCount(start) - 1, longestAncestor); count > 0; count--) {
    yield lastLabels(start, count)
  }
}

export async function walkTree(start: string, records: DmarcRecords): Promise<TreeWalk> {
  const found: FoundRecord[] = []
  for (const domain of targets(start)) {
    const answer = await records.of(domain)
    if (answer.kind === 'failed') return answer
    if (answer.kind === 'none') continue
    found.push({ domain, record: answer.record })
    if (answer.record.psd !== 'u') break
  }
  return { kind: 'walked', start, found }
}

/** RFC 9989 §4.10.2: the organizational domain, from the walk that started at a domain. */
export function organizationalDomain({ start, found }: TreeWalk & { kind: 'walked' }): string {
  // Only the last record can have a `psd` other than `u`: the walk stops there.
  const last = found.at(-1)
  if (last === undefined) return start
  if (last.record.psd === 'y' && last.domain !== start) return lastLabels(start, labelCount(last.domain) + 1)
  return last.domain
}

/** The same with the walk; `failed` where a question has no answer. */
export async function findOrganizationalDomain(
  domain: string,
  records: DmarcRecords,
): Promise<
  { readonly kind: 'found'; readonly domain: string } | { readonly kind: 'failed'; readonly reason: string }
> {
  const walk = await walkTree(domain, records)
  return walk.kind === 'failed' ? walk : { kind: 'found', domain: organizationalDomain(walk) }
}

/**
 * RFC 9989 §4.10.1: the record that holds for a domain, with the domain it was found at: its own, else that
 * of its organizational domain, else that of the public suffix.
 */
export function applicableRecord(walk: TreeWalk & { kind: 'walked' }): FoundRecord | undefined {
  const own = walk.found.find(({ domain }) => domain === walk.start)
  const organization = organizationalDomain(walk)
  return own ?? walk.found.find(({ domain }) => domain === organization) ?? walk.found.at(-1)
}

/** Whether `domain` is `ancestor` or lies below it. */
export const isWithin = (domain: string, ancestor: string): boolean =>
  domain === ancestor || domain.endsWith(`.${ancestor}`)
