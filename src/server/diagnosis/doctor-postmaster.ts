/**
 * RFC 5321 §4.5.1: whether somebody gets what is sent to the postmaster of each domain. Other servers write there,
 * the reports that its DNS records ask for come there, and so does what lists could not send on.
 */
import type { Resolution } from '#account/lookup.ts'
import type { Finding } from '#admin/doctor.ts'

export async function checkPostmasters(
  domains: readonly string[],
  resolve: (address: string) => Promise<Resolution>,
): Promise<readonly Finding[]> {
  const missing: string[] = []
  for (const domain of domains)
    if ((await resolve(`postmaster@${domain}`)).kind === 'unknownUser') missing.push(domain)
  if (missing.length > 0)
    return missing.map((domain) => ({
      check: 'postmaster',
      of: domain,
      result: 'problem',
      said: `nobody gets mail for postmaster@${domain}: failures of lists, reports and complaints are lost`,
      advice: `Give somebody the address: postern alias add alice@${domain} postmaster@${domain}. Or let an account administer (roles=admin); the first such gets it for all domains.`,
    }))
  if (domains.length === 0) return []
  return [{ check: 'postmaster', result: 'ok', said: 'somebody gets mail for postmaster at each domain' }]
}
