/** What a domain demands of the servers that bring its mail (RFC 8461): the policy, and the record that names it. */
import { createHash } from 'node:crypto'

export interface MtaStsPolicy {
  readonly mode: 'testing' | 'enforce' | 'none'
  /** Names of servers, with A-labels; `*.` before one stands for one label. */
  readonly mx: readonly string[]
  readonly maxAgeSeconds: number
}

/** RFC 8461 §3.2. */
export const longestPolicyAgeSeconds = 31_557_600

/** RFC 8461 §3.2: the document at `https://mta-sts.<domain>/.well-known/mta-sts.txt`. */
export const mtaStsPolicyText = ({ mode, mx, maxAgeSeconds }: MtaStsPolicy): string =>
  ['version: STSv1', `mode: ${mode}`, ...mx.map((name) => `mx: ${name}`), `max_age: ${maxAgeSeconds}`]
    .map((line) => `${line}\r\n`)
    .join('')

/** RFC 8461 §3.1: the text of `_mta-sts.<domain>`; its id changes exactly when the policy does. */
export function mtaStsRecordText(policy: MtaStsPolicy): string {
  const id = createHash('sha256').update(mtaStsPolicyText(policy)).digest('hex').slice(0, 20)
  return `v=STSv1; id=${id};`
}
