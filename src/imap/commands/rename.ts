/**
 * RENAME: a mailbox with all below it gets another name. Renaming INBOX moves its messages to a new mailbox and
 * leaves INBOX, with what is below it, in place (RFC 9051 §6.3.6).
 */
import type { MailboxId, Uid } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import { copyAnnotations } from '#mail/annotation.ts'
import { moveMessages } from '#mail/copy.ts'
import { createMailbox, inboxId, renameMailbox } from '#mail/mailbox.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { noticeFor } from '../mailbox/acl-identifier.ts'
import { annotationLimits } from '../mailbox/annotations.ts'
import { command, whole } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'
import { Refusal } from '../errors.ts'
import { attributesOfNew, type Listed, listedAs, otherName, writeListed } from '../mailbox/list-response.ts'
import { hasWildcard, withoutAnnouncement } from '../namespace/mailbox-name.ts'
import { type MailboxRef, placeOf } from '../namespace/mailbox-ref.ts'
import { ensureParent, granteesAbove, newPlace } from '../namespace/new-place.ts'
import type { ImapSession } from '../session/session.ts'

/** Messages in one commit. */
const pageSize = 1000

export const rename = command<{ from: Uint8Array; to: Uint8Array }>({
  name: 'RENAME',
  states: signedIn,
  standard: 'RFC 9051 §6.3.6',
  parse: whole((args: Arguments) => {
    args.sp()
    const from = args.astring()
    args.sp()
    return { from, to: withoutAnnouncement(args.astring()) }
  }),
  async run(session, names) {
    const to = session.path(names.to)
    if (to === '' || hasWildcard(to)) throw new Refusal('No such mailbox name is possible', 'CANNOT')
    const ref = await session.open(names.from, 'x')
    const { account, mailbox } = placeOf(ref)
    const target = await session.mailboxes.locate(to)
    if (target.account !== account) throw new Refusal('Mailboxes stay with their owner', 'CANNOT')
    const isInbox = mailbox === inboxId
    if (isInbox && !ref.isOwn) throw new Refusal('The Inbox of others stays where it is', 'CANNOT')
    const limits = await session.services.limitsOf(account)
    const who = await session.mailboxes.who()
    const notice = await noticeFor(session, granteesAbove(await session.mailboxes.of(account), target.path))
    const makes = async (tx: WriteTx): Promise<Mailbox | undefined> => {
      const place = await newPlace(tx, account, target.path, who)
      const parent = await ensureParent(tx, place, { limits, notice })
      if (isInbox) {
        const made = await createMailbox(tx, account, { name: place.name, parent, limits, notice })
        await copyAnnotations(tx, { account, mailbox }, made.id, annotationLimits(session))
        return made
      }
      await renameMailbox(tx, account, mailbox, { name: place.name, parent })
      return undefined
    }
    const listed = await otherNames(session, names, ref, to)
    const alsoWrites = notice.told.map((one) => one.account)
    const created = await session.mailboxes.write([ref], makes, { alsoWrites })
    if (created !== undefined) await moveInbox(session, ref, created.id)
    if (listed !== undefined) writeListed(session, 'LIST', listed)
  },
})

/**
 * RFC 9051 §6.3.6: where either name is another than was written, what was renamed, by the name that was written. INBOX
 * is still there, so that of it only the new name is told.
 */
async function otherNames(
  session: ImapSession,
  written: { readonly from: Uint8Array; readonly to: Uint8Array },
  from: MailboxRef,
  to: string,
): Promise<Listed | undefined> {
  const otherTo = otherName(session, written.to, to)
  if (from.isOwn && from.mailbox.id === inboxId)
    return otherTo === undefined
      ? undefined
      : { path: to, attributes: attributesOfNew(undefined), oldName: otherTo }
  const otherFrom = otherName(session, written.from, from.path)
  if (otherTo === undefined && otherFrom === undefined) return undefined
  return { ...(await listedAs(session, from, otherFrom ?? from.path)), path: to }
}

async function moveInbox(session: ImapSession, inbox: MailboxRef, to: MailboxId): Promise<void> {
  const { clock } = session.services
  const from = placeOf(inbox)
  for (;;) {
    const now = await session.mailboxes.load(from.account, from.mailbox)
    const uids = [...(now?.uids[Symbol.iterator]().take(pageSize) ?? [])] as Uid[]
    if (uids.length === 0) return
    const options = { savedAt: clock.now() }
    await session.mailboxes.write([inbox], (tx) =>
      moveMessages(tx, { from, uids, to: { ...from, mailbox: to } }, options),
    )
  }
}
