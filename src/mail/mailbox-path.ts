/**
 * Names and paths of mailboxes: what a name may be, and how names become the paths that IMAP shows, with "/"
 * between the levels (RFC 9051 §5.1). Comparison is by code point after NFC, but for INBOX.
 */
import { normalized } from '#base/normalize.ts'
import { Fault } from '#base/fault.ts'
import type { MailboxId } from '#base/id.ts'
import type { Mailbox } from './mailbox-row.ts'

export const maxDepth = 16
export const maxNameBytes = 255

type Place = Pick<Mailbox, 'name' | 'parent'>

const isInboxName = (name: string): boolean => name.length === 5 && name.toLowerCase() === 'inbox'

/** Whether two siblings would have one name: at the top, INBOX is one name in any case. */
export const sameName = (a: Place, b: Place): boolean =>
  a.name === b.name || (a.parent === 0 && isInboxName(a.name) && isInboxName(b.name))

/** The same for two mailboxes whose names `sameName` takes for one. */
export const siblingKey = ({ name, parent }: Place): string =>
  `${parent}/${parent === 0 && isInboxName(name) ? 'INBOX' : name}`

/**
 * Throws Fault('invalid') for a name that no mailbox can have: empty, too long, with "/" or with a character
 * that Net-Unicode forbids (RFC 9051 §5.1), or not in NFC: callers normalise what they are given.
 */
export function checkMailboxName(name: string): void {
  const isFine =
    name !== '' &&
    Buffer.byteLength(name) <= maxNameBytes &&
    name.isWellFormed() &&
    name === normalized(name, 'NFC') &&
    !/^\ufeff|[\u0000-\u001f/\u007f-\u009f\u2028\u2029]/.test(name)
  if (!isFine) throw new Fault('invalid', 'no such mailbox name is possible', { properties: ['name'] })
}

/** The path of a mailbox; the Inbox is INBOX. Parents that are missing are left out. */
export function mailboxPath(all: readonly Mailbox[], id: MailboxId): string {
  const byId = new Map(all.map((mailbox) => [mailbox.id, mailbox]))
  return pathIn(byId, id)
}

/** Paths of all mailboxes by their ids. */
export function mailboxPaths(all: readonly Mailbox[]): ReadonlyMap<MailboxId, string> {
  const byId = new Map(all.map((mailbox) => [mailbox.id, mailbox]))
  return new Map(all.map(({ id }) => [id, pathIn(byId, id)]))
}

function pathIn(byId: ReadonlyMap<MailboxId, Mailbox>, id: MailboxId): string {
  const names: string[] = []
  for (let at: MailboxId | 0 = id; at !== 0 && names.length < maxDepth;) {
    const mailbox = byId.get(at)
    if (mailbox === undefined) break
    names.unshift(mailbox.parent === 0 && isInboxName(mailbox.name) ? 'INBOX' : mailbox.name)
    at = mailbox.parent
  }
  return names.join('/')
}

/** The mailbox that a path leads to; its first name may be INBOX in any case. */
export function findMailbox(all: readonly Mailbox[], path: string): Mailbox | undefined {
  let found: Mailbox | undefined
  let parent: MailboxId | 0 = 0
  for (const segment of normalized(path, 'NFC').split('/')) {
    const place: Place = { name: segment, parent }
    found = all.find((mailbox) => mailbox.parent === place.parent && sameName(mailbox, place))
    if (found === undefined) return undefined
    parent = found.id
  }
  return found
}
