/** SETACL: gives rights on a mailbox, or takes some of them away. */
import { parseRights, type Rights } from '#mail/rights.ts'
import { sharingSettings } from '#mail/settings.ts'
import { changeGrant, type GrantChange } from '#mail/share.ts'
import { findIdentifier, noticeFor, readIdentifier } from '../mailbox/acl-identifier.ts'
import { command, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { placeOf } from '../namespace/mailbox-ref.ts'
import { signedIn } from '../session/session-state.ts'

export const setacl = command({
  name: 'SETACL',
  states: signedIn,
  standard: 'RFC 4314 §3.1',
  parse: whole((args: Arguments) => {
    args.sp()
    const name = args.astring()
    args.sp()
    const { prepared } = readIdentifier(args)
    args.sp()
    return { name, prepared, change: readChange(args) }
  }),
  async run(session, { name, prepared, change }) {
    const ref = await session.open(name, 'a')
    const identifier = await findIdentifier(session, prepared)
    const notice = await noticeFor(session, [identifier.grantee])
    const { maxShares } = session.services.settings.get(sharingSettings)
    await session.mailboxes.write(
      [ref],
      (tx) => changeGrant(tx, placeOf(ref), { ...identifier, ...change }, { maxShares, notice }),
      { alsoWrites: notice.told.map((who) => who.account) },
    )
  },
})

/** RFC 4314 §3.1: an unknown right is an error, never passed over. */
function readChange(args: Arguments): { how: GrantChange['how']; rights: Rights } {
  const text = args.astring().toString('latin1')
  const how = text.startsWith('+') ? 'add' : text.startsWith('-') ? 'remove' : 'set'
  const rights = parseRights(how === 'set' ? text : text.slice(1))
  return rights === undefined ? args.fail('no such right') : { how, rights }
}
