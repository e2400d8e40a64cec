/**
 * Quota roots (RFC 9208 §3.2): every account is one, with its name, for all its mailboxes.
 *
 * What an account holds is nobody else's business (RFC 9208 §8): its root is not there but for those who may read
 * something in it, and for administrators.
 */
import type { AccountId } from '#base/id.ts'
import { Fault } from '#base/fault.ts'
import { listMailboxes, quotaUsage } from '#mail/mailbox.ts'
import { hasAny, rightsOf } from '#mail/rights.ts'
import type { Principal } from '#mail/principal.ts'
import { quotaSetters } from '../permissions.ts'
import { prefixOf } from '../namespace/namespaces.ts'
import type { ImapSession } from '../session/session.ts'

export const octetsPerUnit = 1024

const readable = rightsOf('r')

/** The root of that name. Throws Fault('notFound'). */
export async function findRoot(session: ImapSession, name: string): Promise<Principal> {
  const root = await session.services.principals.byName(name)
  if (root === undefined || !(await maySee(session, root))) throw noSuchRoot()
  return root
}

/** The root of an account's mailboxes. Throws Fault('notFound'). */
export async function rootOf(session: ImapSession, account: AccountId): Promise<Principal> {
  const root = await session.services.principals.byId(account)
  if (root === undefined || !(await maySee(session, root))) throw noSuchRoot()
  return root
}

async function maySee({ access, mailboxes }: ImapSession, root: Principal): Promise<boolean> {
  if (root.id === mailboxes.account || access?.permissions.has(quotaSetters) === true) return true
  const prefix = prefixOf(root, mailboxes.names)
  const shared = await mailboxes.foreign((asked) => asked === prefix)
  return shared.some(({ account, rights }) => account === root.id && hasAny(rights, readable))
}

/** Writes the QUOTA response (RFC 9208 §4.2.1): what is not limited is not in it. */
export async function writeQuota(session: ImapSession, root: Principal): Promise<void> {
  const { services, out } = session
  const limits = await services.limitsOf(root.id)
  const { used, mailboxes } = await services.db.read(async (tx) => ({
    used: await quotaUsage(tx, root.id),
    mailboxes: limits.mailboxes === 0 ? 0 : (await listMailboxes(tx, root.id)).length,
  }))
  const resources: string[] = []
  if (limits.bytes > 0) {
    const limit = Math.floor(limits.bytes / octetsPerUnit)
    resources.push(`STORAGE ${Math.ceil(used.usedBytes / octetsPerUnit)} ${limit}`)
  }
  if (limits.messages > 0) resources.push(`MESSAGE ${used.messages} ${limits.messages}`)
  if (limits.mailboxes > 0) resources.push(`MAILBOX ${mailboxes} ${limits.mailboxes}`)
  out.ascii('* QUOTA ')
  writeRootName(session, root)
  out.ascii(` (${resources.join(' ')})\r\n`)
}

export const writeRootName = ({ out, isUtf8 }: ImapSession, { name }: Principal): void =>
  void out.string(Buffer.from(name), isUtf8)

export const noSuchRoot = (): Fault => new Fault('notFound', 'No such quota root', { what: 'quota root' })
