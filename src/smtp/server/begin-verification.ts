/** What is to be found out about a message that begins, and whether anything is. */
import { parseIp } from '#base/ip.ts'
import type { SmtpSession } from './smtp-command.ts'
import type { Envelope } from './transaction.ts'
import { Verification, wantedChecks } from './verification.ts'

/** Undefined where nothing is to be found out: it comes from a user, or from a server of ours. */
export function beginVerification(session: SmtpSession, { from }: Envelope): Verification | undefined {
  const { checks } = session.limits
  const ip = parseIp(session.connection.peer.ip)
  if (session.role !== 'smtp' || session.access !== undefined || ip === undefined) return undefined
  if (!Object.values(wantedChecks(checks)).includes(true)) return undefined
  const origin = { ip, helo: session.hello!.name, sender: from.address }
  return new Verification({ deps: session.deps, checks, origin })
}
