/** CREATE, also with a special use: a mailbox, and those above it that are missing. */
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { MailLimits } from '#mail/limits.ts'
import { createMailbox, listMailboxes } from '#mail/mailbox.ts'
import { findMailbox, maxDepth } from '#mail/mailbox-path.ts'
import type { MailboxRole } from '#mail/mailbox-row.ts'
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../grammar.ts'
import { delimiter, hasWildcard, parentPath } from '../mailbox-name.ts'
import { mailboxObjectId } from '../object-id.ts'
import { roleOfUse } from '../special-use.ts'

export const create = command({
  name: 'CREATE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.4, RFC 6154 §3',
  parse: whole((args: Arguments) => {
    args.sp()
    const name = args.astring()
    return { name, uses: args.take(0x20) ? readUses(args) : [] }
  }),
  async run(session, { name, uses }) {
    const written = session.path(name)
    // RFC 9051 §6.3.4: a delimiter at the end announces children, which need no announcement here.
    const path = written.endsWith(delimiter) ? written.slice(0, -1) : written
    if (path === '' || hasWildcard(path)) throw new Refusal('No such mailbox name is possible', 'CANNOT')
    const role = roleOf(uses)
    const account = session.accountId
    const limits = await session.services.limitsOf(account)
    const id = await session.services.db.write([account], async (tx) => {
      const all = await listMailboxes(tx, account)
      if (findMailbox(all, path) !== undefined) throw alreadyExists()
      if (role !== undefined && all.some((mailbox) => mailbox.role === role)) {
        throw new Refusal('Another mailbox has that use', 'USEATTR')
      }
      const parent = await ensureParent(tx, account, path, limits)
      const own = path.slice(path.lastIndexOf(delimiter) + 1)
      const created = await createMailbox(tx, account, {
        name: own,
        parent,
        limits,
        ...(role !== undefined && { role }),
      })
      return created.id
    })
    return { code: `MAILBOXID (${mailboxObjectId(id)})` }
  },
})

function readUses(args: Arguments): readonly string[] {
  args.open()
  if (args.word() !== 'USE') args.fail('unknown parameter')
  args.sp()
  const uses = args.flagList()
  args.close()
  return uses
}

/** A mailbox has one role. Throws for what is no use, and for more than one (RFC 6154 §3). */
function roleOf(uses: readonly string[]): MailboxRole | undefined {
  if (uses.length === 0) return undefined
  const role = uses.length === 1 ? roleOfUse(uses[0]!) : undefined
  if (role === undefined) throw new Refusal('No such use', 'USEATTR')
  return role
}

export const alreadyExists = (): Fault => new Fault('exists', 'Mailbox already exists', { what: 'mailbox' })

/** The mailbox above a path, made with all above it where it is missing; 0 for the top. */
export async function ensureParent(
  tx: WriteTx,
  account: AccountId,
  path: string,
  limits: MailLimits,
): Promise<MailboxId | 0> {
  // Before anything else: looking for each of thousands of levels would take as many times as long.
  if (path.split(delimiter, maxDepth + 1).length > maxDepth)
    throw new Fault('tooLarge', 'Mailboxes nested too deeply', { limit: maxDepth })
  const above = parentPath(path)
  if (above === undefined) return 0
  const found = findMailbox(await listMailboxes(tx, account), above)
  if (found !== undefined) return found.id
  const parent = await ensureParent(tx, account, above, limits)
  const created = await createMailbox(tx, account, {
    name: above.slice(above.lastIndexOf(delimiter) + 1),
    parent,
    limits,
  })
  return created.id
}
