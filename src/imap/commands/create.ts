/** CREATE, also with a special use: a mailbox, and those above it that are missing. */
import { createMailbox } from '#mail/mailbox.ts'
import { noticeFor } from '../mailbox/acl-identifier.ts'
import { command, whole } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../wire/grammar.ts'
import { attributesOfNew, otherName, writeListed } from '../mailbox/list-response.ts'
import { hasWildcard, withoutAnnouncement } from '../namespace/mailbox-name.ts'
import { notPermitted } from '../namespace/mailbox-ref.ts'
import { ensureParent, granteesAbove, newPlace } from '../namespace/new-place.ts'
import { mailboxObjectId, objectIdPrefix } from '#mail/object-id.ts'
import { assertUseFree, notYourUse, roleOfUses } from '../mailbox/special-use.ts'

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
    const role = roleOfUses(uses)
    const { account, isOwn, path: inside } = await session.mailboxes.locate(path)
    if (account === undefined) throw notPermitted()
    if (role !== undefined && !isOwn) throw notYourUse()
    const limits = await session.services.limitsOf(account)
    const who = await session.mailboxes.who()
    const notice = await noticeFor(session, granteesAbove(await session.mailboxes.of(account), inside))
    const told = notice.told.map((one) => one.account)
    const id = await session.mailboxes.writeIn([account, ...told], async (tx) => {
      const place = await newPlace(tx, account, inside, who)
      assertUseFree(place.all, role)
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
