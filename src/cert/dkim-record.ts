/** What the DNS has of a key: the text of its record, and whether what was found is that key (RFC 6376 §3.6.1). */
import type { DkimKeyRow } from '#account/dkim-tables.ts'
import type { Resolution } from '#dns/resolver.ts'
import type { RecordOf } from '#dns/record.ts'

type PublicKey = Pick<DkimKeyRow, 'algorithm' | 'publicKey'>

const typeOf = ({ algorithm }: PublicKey): string => (algorithm === 'ed25519-sha256' ? 'ed25519' : 'rsa')

/** What the TXT record says, in one piece. */
export const dkimRecordText = (key: PublicKey): string =>
  `v=DKIM1; k=${typeOf(key)}; h=sha256; p=${key.publicKey}`

/** The texts of records, each with its strings joined. */
export const textsOf = (found: Resolution<RecordOf<'TXT'>>): readonly string[] =>
  found.kind === 'answer' ? found.records.map(({ strings }) => Buffer.concat(strings).toString('latin1')) : []

/** Whether verifiers find the key: there must be no other record (RFC 6376 §3.6.2.2), and none that is unfit. */
export function hasDkimKey(texts: readonly string[], key: PublicKey): boolean {
  const [text, ...others] = texts
  if (text === undefined || others.length > 0) return false
  const tags = readTags(text)
  return (
    (tags.get('v') ?? 'DKIM1') === 'DKIM1' &&
    (tags.get('k') ?? 'rsa') === typeOf(key) &&
    tags.get('p') === key.publicKey &&
    allows(tags.get('h'), ['sha256']) &&
    allows(tags.get('s'), ['*', 'email'])
  )
}

/** Names and values without white space, which no value that matters here needs. */
function readTags(text: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>()
  for (const one of text.slice(0, 8192).split(';')) {
    const plain = one.replaceAll(/[ \t\r\n]/g, '')
    const at = plain.indexOf('=')
    if (at > 0 && !tags.has(plain.slice(0, at))) tags.set(plain.slice(0, at), plain.slice(at + 1))
  }
  return tags
}

const allows = (list: string | undefined, words: readonly string[]): boolean =>
  list === undefined || list.split(':').some((one) => words.includes(one))
