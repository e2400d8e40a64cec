/** What the DNS has of a key: the text of its record, and whether what was found is that key (RFC 6376 §3.6.1). */
import type { DkimKeyRow } from '#account/dkim-tables.ts'
import { Lru } from '#base/lru.ts'
import { readKeyRecord } from '#mailauth/dkim-key.ts'
import { publicKeyText } from './dkim-key-pair.ts'

type PublicKey = Pick<DkimKeyRow, 'algorithm' | 'publicKey'>

const typeOf = ({ algorithm }: PublicKey): string => (algorithm === 'ed25519-sha256' ? 'ed25519' : 'rsa')

/** What the TXT record says, in one piece. */
export const dkimRecordText = (key: PublicKey): string =>
  `v=DKIM1; k=${typeOf(key)}; h=sha256; p=${key.publicKey}`

/** Whether verifiers find the key in these records: in one, since of several anyone may be taken (RFC 6376 §3.6.2.2). */
export function hasDkimKey(texts: readonly string[], key: PublicKey): boolean {
  const [text, ...others] = texts
  if (text === undefined || others.length > 0) return false
  const read = readKeyRecord(text, new Lru(1))
  return read.kind === 'key' && read.type === typeOf(key) && publicKeyText(read.publicKey) === key.publicKey
}
