/** SELECT and EXAMINE: opens a mailbox and tells what is in it, and what changed since the client last knew it. */
import type { MailboxView } from '#mail/mailbox-view.ts'
import { flagRights, hasAny, rightsOf } from '#mail/rights.ts'
import { command, whole, type AnyCommand } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'
import { listedAs, otherName, writeListed } from '../mailbox/list-response.ts'
import { type MailboxRef, noSuchMailbox } from '../namespace/mailbox-ref.ts'
import { mailboxObjectId, objectIdPrefix } from '#mail/object-id.ts'
import { writeFlags } from '../selected/permanent-flags.ts'
import { resynchronise } from '../selected/resync.ts'
import { readSelectParameters, type SelectParameters } from '../selected/select-params.ts'
import type { ImapSession } from '../session/session.ts'
import { SessionView } from '../session/view.ts'

export const select = opening('SELECT', 'RFC 9051 §6.3.2, RFC 7162 §3.2.5', false)
export const examine = opening('EXAMINE', 'RFC 9051 §6.3.3, RFC 7162 §3.2.5', true)

function opening(name: string, standard: string, isReadOnly: boolean): AnyCommand {
  return command<SelectParameters & { readonly name: Uint8Array }>({
    name,
    states: signedIn,
    standard,
    // What it tells is one picture; clients do not expect it to shrink before it is whole.
    hidesExpunges: true,
    parse: whole((args: Arguments, session) => {
      args.sp()
      return { name: args.astring(), ...readSelectParameters(args, session) }
    }),
    async run(session, { name: written, condstore, qresync }) {
      // RFC 9051 §6.3.2: the old mailbox is closed even where the new one cannot be opened.
      if (session.selected !== undefined) session.untagged('OK [CLOSED] Previous mailbox is now closed')
      session.selected = undefined
      if (condstore) session.enableCondstore()
      const ref = await session.open(written, 'r')
      await session.mailboxes.keep(ref.account)
      const now = await session.mailboxes.loadOpened(ref)
      if (now === undefined) throw noSuchMailbox()
      describe(session, now, ref, isReadOnly)
      if (session.isRev2)
        writeListed(session, 'LIST', await listedAs(session, ref, otherName(session, written, ref.path)))
      const view = new SessionView(now, ref, isReadOnly)
      if (qresync !== undefined) await resynchronise(session, qresync, { held: ref, now, view })
      session.selected = view
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
    const unseen = session.isUidOnly ? 0 : now.firstUnseen() + 1
    if (unseen !== 0) session.untagged(`OK [UNSEEN ${unseen}] First unseen`)
  }
  session.untagged(`OK [UIDVALIDITY ${now.uidValidity}] UIDs valid`)
  session.untagged(`OK [UIDNEXT ${now.uidNext}] Predicted next UID`)
  // RFC 7162 §3.1.2.1
  session.untagged(`OK [HIGHESTMODSEQ ${now.highestModseq}] Highest mod-sequence`)
  session.tellUrlMechanisms()
  // RFC 8474 §4.2
  session.untagged(`OK [MAILBOXID (${mailboxObjectId(now.id, objectIdPrefix(ref))})] Object identifier`)
}
