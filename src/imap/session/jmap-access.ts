/** Whether a client that has signed in may read the same mail over JMAP, and where (RFC 9698 §3). */
import type { ImapSession } from './session.ts'

/**
 * The address of the JMAP session; undefined where there is none, where the user may not use JMAP, and where what
 * was signed in with is of no use there: a certificate, or an app password that is for other protocols.
 */
export function jmapSession({ access, services, usedPassword }: ImapSession): string | undefined {
  if (access === undefined || !usedPassword || !access.permissions.has('jmapAuthenticate')) return undefined
  const { protocols = [] } = access
  return protocols.length > 0 && !protocols.includes('jmap') ? undefined : services.jmapUrl()
}
