/** DELETEACL: removes what an identifier was given on a mailbox, or what it was denied. */
import { removeGrant } from '#mail/share.ts'
import { findIdentifier, noticeFor, readIdentifier } from '../mailbox/acl-identifier.ts'
import { command, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { placeOf } from '../namespace/mailbox-ref.ts'
import { signedIn } from '../session/session-state.ts'

export const deleteacl = command({
  name: 'DELETEACL',
  states: signedIn,
  standard: 'RFC 4314 §3.2',
  parse: whole((args: Arguments) => {
    args.sp()
    const name = args.astring()
    args.sp()
    return { name, ...readIdentifier(args) }
  }),
  async run(session, { name, prepared }) {
    const ref = await session.open(name, 'a')
    const identifier = await findIdentifier(session, prepared)
    const notice = await noticeFor(session, [identifier.grantee])
    await session.mailboxes.write([ref], (tx) => removeGrant(tx, placeOf(ref), identifier, notice), {
      alsoWrites: notice.told.map((who) => who.account),
    })
  },
})
