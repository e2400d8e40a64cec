/** CREATE, also with a special use: a mailbox, and those above it that are missing. */
import { createMailbox, listMailboxes } from '#mail/mailbox.ts'
import type { MailboxRole } from '#mail/mailbox-row.ts'
import { noticeFor } from '../acl-identifier.ts'
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../grammar.ts'
import { attributesOfNew, otherName, writeListed } from '../list-response.ts'
import { hasWildcard, withoutAnnouncement } from '../mailbox-name.ts'
import { notPermitted } from '../mailbox-ref.ts'
import { ensureParent, granteesAbove, newPlace } from '../new-place.ts'
import { mailboxObjectId, objectIdPrefix } from '#mail/object-id.ts'
import { roleOfUse } from '../special-use.ts'

export const create = command({
  name: 'CREATE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.4, RFC 6154 §3',
  parse: whole((args: Arguments) => {
    args.sp()
    const name = withoutAnnouncement(args.astring())
    return { name, uses: args.take(0x20) ? readUses(args) : [] }
  }),
  async run(session, { name, uses }) {
    const path = session.path(name)
    if (path === '' || hasWildcard(path)) throw new Refusal('No such mailbox name is possible', 'CANNOT')
    const role = roleOf(uses)
    const { account, isOwn, path: inside } = await session.mailboxes.locate(path)
    if (account === undefined) throw notPermitted()
    // Uses are the owner's (RFC 6154 §3): what of them is taken is nobody else's to know.
    if (role !== undefined && !isOwn) throw new Refusal('Uses are for your own mailboxes', 'USEATTR')
    const limits = await session.services.limitsOf(account)
    const who = await session.mailboxes.who()
    const notice = await noticeFor(session, await granteesAbove(session.services.db, account, inside))
    const told = notice.told.map((one) => one.account)
    const id = await session.mailboxes.writeIn([account, ...told], async (tx) => {
      const place = await newPlace(tx, account, inside, who)
      if (role !== undefined && (await listMailboxes(tx, account)).some((mailbox) => mailbox.role === role))
        throw new Refusal('Another mailbox has that use', 'USEATTR')
      const parent = await ensureParent(tx, place, { limits, notice })
      const o = { name: place.name, parent, limits, notice, ...(role !== undefined && { role }) }
      return (await createMailbox(tx, account, o)).id
    })
    const oldName = otherName(session, name, path)
    if (oldName !== undefined)
      writeListed(session, 'LIST', { path, attributes: attributesOfNew(role), oldName })
    return { code: `MAILBOXID (${mailboxObjectId(id, objectIdPrefix({ account, isOwn }))})` }
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
