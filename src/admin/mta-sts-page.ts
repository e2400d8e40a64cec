/**
 * `/.well-known/mta-sts.txt` (RFC 8461 §3.3): what this server demands of those who bring mail, for each domain
 * that it has, asked for by the name `mta-sts.<domain>`.
 */
import { type MtaStsPolicy, mtaStsPolicyText } from '#mailauth/mta-sts.ts'
import { hostOf } from './request.ts'
import type { PlainRoute } from './route.ts'

export interface MtaStsOptions {
  readonly mtaSts: () => MtaStsPolicy
  /** Whether mail of the domain comes here. */
  readonly hasDomain: (domain: string) => Promise<boolean>
}

const label = 'mta-sts.'

export const mtaStsPage = (o: MtaStsOptions): PlainRoute => ({
  path: '/.well-known/mta-sts.txt',
  summary: 'What servers that bring mail are to demand (MTA-STS)',
  type: 'text/plain',
  open: true,
  handle: async (c) => {
    const host = hostOf(c)
    const isOurs = host?.startsWith(label) === true && (await o.hasDomain(host.slice(label.length)))
    return isOurs
      ? c.body(mtaStsPolicyText(o.mtaSts()), 200, { 'Content-Type': 'text/plain; charset=us-ascii' })
      : c.notFound()
  },
})
