/** `/api/doctor`: what keeps mail from going and coming as it should, and what to do about each. */
import { normaliseDomain } from '#base/domain-name.ts'
import { text } from '#settings/field.ts'
import { queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface Finding {
  /** `DNS`, `port 25`, `reverse DNS`, `clock`, `disk`, `certificate`, `MX`, `SPF`, `DKIM`, `DMARC`, `postmaster`. */
  readonly check: string
  /** What it is about: a domain, an address. */
  readonly of?: string
  /** `problem`: something must be done. `skipped`: it could not be looked at. */
  readonly result: 'ok' | 'note' | 'problem' | 'skipped'
  readonly said: string
  /** What to do. */
  readonly advice?: string
}

export interface DoctorOptions {
  /** `domain`: one whose servers surely answer on port 25. */
  readonly examine: (o: {
    readonly domain: string
    readonly signal: AbortSignal
  }) => Promise<readonly Finding[]>
}

const longestMs = 50_000

const fields = {
  domain: text({
    fallback: 'gmail.com',
    help: 'A domain of others whose servers surely answer, to try port 25 with.',
    allowed: 'a domain',
    normalise: normaliseDomain,
  }),
}

export const doctorRoute = ({ examine }: DoctorOptions): ApiRoute => ({
  method: 'GET',
  path: '/api/doctor',
  tag: 'Troubleshooting',
  summary: 'What keeps mail from going and coming as it should, and what to do',
  permissions: ['sysSystemSettingsGet'],
  query: fields,
  handle: async (c) => {
    const { domain } = queryOf(c, fields) as { domain: string }
    const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(longestMs)])
    return c.json({ data: { findings: await examine({ domain, signal }) } })
  },
})
