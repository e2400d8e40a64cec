/** SELECT and EXAMINE: opens a mailbox and tells what is in it. */
import type { MailboxView } from '#mail/mailbox-view.ts'
import { flagRights, hasAny, rightsOf } from '#mail/rights.ts'
import { command, whole, type AnyCommand } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'
import { attributesOf, writeListed } from '../list-response.ts'
import { type MailboxRef, noSuchMailbox } from '../mailbox-ref.ts'
import { mailboxObjectId, objectIdPrefix } from '../object-id.ts'
import { writeFlags } from '../permanent-flags.ts'
import type { ImapSession } from '../session.ts'
import { SessionView } from '../view.ts'

export const select = opening('SELECT', 'RFC 9051 §6.3.2', false)
export const examine = opening('EXAMINE', 'RFC 9051 §6.3.3', true)

function opening(name: string, standard: string, isReadOnly: boolean): AnyCommand {
  return command<Uint8Array>({
    name,
    states: signedIn,
    standard,
    parse: whole((args: Arguments) => {
      args.sp()
      return args.astring()
    }),
    async run(session, written) {
      // RFC 9051 §6.3.2: the old mailbox is closed even where the new one cannot be opened.
      if (session.selected !== undefined) session.untagged('OK [CLOSED] Previous mailbox is now closed')
      session.selected = undefined
      const ref = await session.open(written, 'r')
      await session.mailboxes.keep(ref.account)
      const now = await session.mailboxes.load(ref.account, ref.mailbox.id)
      if (now === undefined) throw noSuchMailbox()
      describe(session, now, ref, isReadOnly)
      if (session.isRev2) {
        const attributes = attributesOf(ref, await session.mailboxes.hasChildren(ref))
        writeListed(session, 'LIST', { path: ref.path, attributes })
      }
      session.selected = new SessionView(now, ref, isReadOnly)
      // RFC 4314 §5.2
      const mayWrite = !isReadOnly && hasAny(ref.rights, writing)
      return { code: mayWrite ? 'READ-WRITE' : 'READ-ONLY' }
    },
  })
}

/** Flags are shared by all who see the mailbox, so each of these changes something for others. */
const writing = rightsOf('ieswt')

function describe(session: ImapSession, now: MailboxView, ref: MailboxRef, isReadOnly: boolean): void {
  const { out } = session
  writeFlags(session, now, { isReadOnly, may: flagRights(ref.rights) })
  out.ascii('* ').uint(now.count).ascii(' EXISTS\r\n')
  if (!session.isRev2) {
    session.untagged('0 RECENT')
    const unseen = now.firstUnseen() + 1
    if (unseen !== 0) session.untagged(`OK [UNSEEN ${unseen}] First unseen`)
  }
  session.untagged(`OK [UIDVALIDITY ${now.uidValidity}] UIDs valid`)
  session.untagged(`OK [UIDNEXT ${now.uidNext}] Predicted next UID`)
  // RFC 8474 §4.2
  session.untagged(`OK [MAILBOXID (${mailboxObjectId(now.id, objectIdPrefix(ref))})] Object identifier`)
}
