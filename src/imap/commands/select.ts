/** SELECT and EXAMINE: opens a mailbox and tells what is in it. */
import { mailboxPaths } from '#mail/mailbox-path.ts'
import { imapFlag } from '#mail/flag-set.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { Fault } from '#base/fault.ts'
import { command, whole, type AnyCommand } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'
import { attributesOf, parentIds, writeListed } from '../list-response.ts'
import { mailboxObjectId } from '../object-id.ts'
import type { ImapSession } from '../session.ts'
import { SessionView } from '../view.ts'

const systemFlags = '\\Answered \\Flagged \\Deleted \\Seen \\Draft'
/** More keywords than a client can make use of are left out of FLAGS. */
const maxKeywords = 256

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
      const path = session.path(written)
      const mail = await session.mail()
      const { mailboxes } = mail
      const mailbox = session.find(mailboxes, path)
      const now = mail.mailbox(mailbox.id) ?? (await session.load(mailbox.id))
      if (now === undefined) throw new Fault('notFound', 'No such mailbox', { what: 'mailbox' })
      describe(session, now, isReadOnly)
      if (session.isRev2) {
        const attributes = attributesOf(mailbox, parentIds(mailboxes).has(mailbox.id))
        writeListed(session, 'LIST', { path: mailboxPaths(mailboxes).get(mailbox.id) ?? path, attributes })
      }
      session.selected = new SessionView(now, isReadOnly)
      return { code: isReadOnly ? 'READ-ONLY' : 'READ-WRITE' }
    },
  })
}

function describe(session: ImapSession, now: MailboxView, isReadOnly: boolean): void {
  const { out } = session
  const keywords = keywordsOf(now)
  const flags = keywords.length === 0 ? systemFlags : `${systemFlags} ${keywords.join(' ')}`
  session.untagged(`FLAGS (${flags})`)
  const permanent = isReadOnly ? '' : `${flags} \\*`
  session.untagged(`OK [PERMANENTFLAGS (${permanent})] ${isReadOnly ? 'Read-only' : 'Flags permitted'}`)
  out.ascii('* ').uint(now.count).ascii(' EXISTS\r\n')
  if (!session.isRev2) {
    session.untagged('0 RECENT')
    const unseen = now.firstUnseen() + 1
    if (unseen !== 0) session.untagged(`OK [UNSEEN ${unseen}] First unseen`)
  }
  session.untagged(`OK [UIDVALIDITY ${now.uidValidity}] UIDs valid`)
  session.untagged(`OK [UIDNEXT ${now.uidNext}] Predicted next UID`)
  // RFC 8474 §4.2
  session.untagged(`OK [MAILBOXID (${mailboxObjectId(now.id)})] Object identifier`)
}

/** Keywords that messages of the mailbox have, as IMAP spells them. */
function keywordsOf(now: MailboxView): readonly string[] {
  const found = new Set<string>()
  for (const { keywords } of now.flagSetsInUse()) {
    for (const keyword of keywords) {
      const flag = imapFlag(keyword)
      if (!flag.startsWith('\\') && found.size < maxKeywords) found.add(flag)
    }
  }
  return [...found].sort()
}
