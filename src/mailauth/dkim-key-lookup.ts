/** Looking up the key of a signature in the DNS (RFC 6376 §3.6.2, §6.1.2), for DKIM and for ARC. */
import { normaliseDomain } from '#base/domain-name.ts'
import {
  type DkimKey,
  type KeyType,
  type KnownKeys,
  readKeyRecord,
  unusable,
  type UnusableKey,
} from './dkim-key.ts'
import type { AuthResolver } from './resolver.ts'

/** RFC 6376 §3.6.2.2 wants one record for a name; of more than these the rest is not looked at. */
const mostRecords = 4

/**
 * The name of the key record (RFC 6376 §3.6.2.1), with A-labels. Undefined where selector and domain, which
 * may have U-labels (RFC 8616 §5), make no name.
 */
export const keyName = (selector: string, domain: string): string | undefined =>
  normaliseDomain(`${selector}._domainkey.${domain}`)

/**
 * The first key at that name that is of this type; where none is, what is wrong with the first record.
 * Rejects with the signal's reason only.
 */
export async function findKey(
  name: string,
  type: KeyType,
  o: { readonly resolver: AuthResolver; readonly known: KnownKeys; readonly signal?: AbortSignal },
): Promise<DkimKey | UnusableKey> {
  const found = await o.resolver.resolve(name, 'TXT', o.signal === undefined ? {} : { signal: o.signal })
  if (found.kind === 'failed') return unusable('unavailable', 'the key could not be looked up')
  if (found.kind !== 'answer') return unusable('missing', 'there is no key record')
  let first: UnusableKey | undefined
  for (const { strings } of found.records.slice(0, mostRecords)) {
    const read = readKeyRecord(Buffer.concat(strings).toString('latin1'), o.known)
    if (read.kind === 'key' && read.type === type) return read
    first ??= read.kind === 'unusable' ? read : unusable('type', `the key is ${read.type}, not ${type}`)
  }
  return first ?? unusable('missing', 'there is no key record')
}
