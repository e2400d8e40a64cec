/**
 * What an answer says about the question. A chain of aliases is followed inside the answer, and nothing
 * counts but the records at its end: what else an answer brings nobody asked for, and it may be a lie about
 * somebody else's names (RFC 2181 §5.4.1, RFC 5452 §6).
 */
import { foldName, isWithin } from './name.ts'
import type { DnsRecord, RecordType } from './record.ts'
import { type Message, rcodes } from './wire.ts'

/** Aliases of one question, in one answer or in several. */
export const mostAliases = 12

/** How long it holds is in seconds. */
export type Reading =
  | { readonly kind: 'answer'; readonly records: readonly DnsRecord[]; readonly ttl: number }
  | { readonly kind: 'noData' | 'noName'; readonly ttl: number }
  /** The answer ends with an alias, whose target is to be asked for. */
  | { readonly kind: 'alias'; readonly ttl: number }
  | { readonly kind: 'tooManyAliases' }

export interface Read {
  readonly reading: Reading
  /** How many were followed by now. */
  readonly aliases: number
  /** Where they lead, folded. */
  readonly end: string
}

/** `name` is folded; `aliases` were followed already. */
export function readAnswer(
  message: Pick<Message, 'rcode' | 'answers' | 'authority'>,
  name: string,
  type: RecordType,
  aliases: number,
): Read {
  const byName = Map.groupBy(message.answers, (record) => foldName(record.name))
  let at = name
  let count = aliases
  let ttl = Infinity
  for (;;) {
    const here = byName.get(at) ?? []
    const records = here.filter((record) => record.type === type)
    if (records.length > 0) {
      const shortest = Math.min(ttl, ...records.map((record) => record.ttl))
      return {
        reading: { kind: 'answer', records: distinct(records), ttl: shortest },
        aliases: count,
        end: at,
      }
    }
    const alias = here.find((record) => record.type === 'CNAME')
    if (alias === undefined) break
    if (++count > mostAliases) return { reading: { kind: 'tooManyAliases' }, aliases: count, end: at }
    at = foldName(alias.target)
    ttl = Math.min(ttl, alias.ttl)
  }
  return { reading: readNothing(message, name, at, ttl), aliases: count, end: at }
}

/** There is no record at the end of the chain, which is `at`. */
function readNothing(
  message: Pick<Message, 'rcode' | 'authority'>,
  name: string,
  at: string,
  ttl: number,
): Reading {
  const soa = message.authority.find(
    (record) => record.type === 'SOA' && isWithin(at, foldName(record.name)),
  ) as (DnsRecord & { type: 'SOA' }) | undefined
  // RFC 2308 §5. Without SOA it is not to be kept.
  const negativeTtl = soa === undefined ? 0 : Math.min(ttl, soa.ttl, soa.minimum)
  // RFC 2308 §2.1: the code is about the end of the chain.
  if (message.rcode === rcodes.nxDomain) return { kind: 'noName', ttl: negativeTtl }
  if (at !== name && soa === undefined) return { kind: 'alias', ttl }
  return { kind: 'noData', ttl: negativeTtl }
}

/** RFC 2181 §5: no two records of a set are the same. */
function distinct(records: readonly DnsRecord[]): readonly DnsRecord[] {
  const seen = new Map(records.map((record) => [JSON.stringify({ ...record, name: '', ttl: 0 }), record]))
  return seen.size === records.length ? records : [...seen.values()]
}
