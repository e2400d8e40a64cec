/** MYRIGHTS: what the user may do with a mailbox. */
import { formatRights, hasAny, rightsOf } from '#mail/rights.ts'
import { command, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { writeName } from '../namespace/mailbox-name.ts'
import { type MailboxRef, noSuchMailbox } from '../namespace/mailbox-ref.ts'
import type { ImapSession } from '../session/session.ts'
import { signedIn } from '../session/session-state.ts'

/** RFC 4314 §4: who has none of these is told nothing. */
const telling = rightsOf('lrikxa')

export const myrights = command<Uint8Array>({
  name: 'MYRIGHTS',
  states: signedIn,
  standard: 'RFC 4314 §3.5',
  parse: whole((args: Arguments) => {
    args.sp()
    return args.astring()
  }),
  async run(session, name) {
    const ref = await session.mailboxes.find(session.path(name))
    if (ref === undefined || !hasAny(ref.rights, telling)) throw noSuchMailbox()
    writeMyRights(session, ref)
  },
})

export function writeMyRights({ out, isUtf8 }: ImapSession, ref: MailboxRef): void {
  out.ascii('* MYRIGHTS ')
  writeName(out, ref.path, isUtf8)
  out.sp().ascii(formatRights(ref.rights)).crlf()
}
