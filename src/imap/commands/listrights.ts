/**
 * LISTRIGHTS: which rights an identifier can be given on a mailbox. All can be given to everybody, one by one;
 * a user always has `l` and `a` on the own mailboxes.
 */
import { shownLetters } from '#mail/rights.ts'
import { findIdentifier, readIdentifier } from '../mailbox/acl-identifier.ts'
import { command, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { writeName } from '../namespace/mailbox-name.ts'
import { signedIn } from '../session/session-state.ts'

export const listrights = command({
  name: 'LISTRIGHTS',
  states: signedIn,
  standard: 'RFC 4314 §3.4',
  parse: whole((args: Arguments) => {
    args.sp()
    const name = args.astring()
    args.sp()
    return { name, ...readIdentifier(args) }
  }),
  async run(session, { name, written, prepared }) {
    const ref = await session.open(name, 'a')
    const { grantee, kind } = await findIdentifier(session, prepared)
    const owner = await session.services.principals.byId(ref.account)
    const isOwner = grantee === ref.account && owner?.isGroup !== true
    const always = isOwner && kind === 'granted' ? 'la' : ''
    const { out, isUtf8 } = session
    out.ascii('* LISTRIGHTS ')
    writeName(out, ref.path, isUtf8)
    // RFC 4314 §3.4: the identifier in the form that the client gave.
    out.sp().string(Buffer.from(written), isUtf8).sp()
    out.string(Buffer.from(always), isUtf8)
    for (const letter of shownLetters) if (!isOwner || !'la'.includes(letter)) out.sp().ascii(letter)
    out.crlf()
  },
})
