/**
 * What must hold of the mailboxes of an account together: parents exist, nothing lies below itself or too deep,
 * siblings have different names (RFC 9051 §5.1), and no two have one role (RFC 8621 §2).
 */
import { Fault } from '#base/fault.ts'
import type { MailboxId } from '#base/id.ts'
import { checkMailboxName, maxDepth, sameName, siblingKey } from './mailbox-path.ts'
import type { Mailbox, MailboxRole } from './mailbox-row.ts'

/** Whether a mailbox (undefined: a new one) may have this name under this parent. */
export function checkPlace(
  all: readonly Mailbox[],
  id: MailboxId | undefined,
  { name, parent }: { name: string; parent: MailboxId | 0 },
): void {
  checkMailboxName(name)
  const byId = new Map(all.map((mailbox) => [mailbox.id, mailbox]))
  const depth = depthOf(byId, id, parent)
  if (depth + heightBelow(all, id) > maxDepth) throw tooDeep()
  const taken = all.some(
    (other) => other.id !== id && other.parent === parent && sameName(other, { name, parent }),
  )
  if (taken) throw nameTaken()
}

/** How many levels of mailboxes lie below this one. */
function heightBelow(all: readonly Mailbox[], id: MailboxId | undefined): number {
  let level = all.filter(({ parent }) => parent === id)
  let height = 0
  while (level.length > 0) {
    height++
    const ids = new Set<MailboxId | 0>(level.map((mailbox) => mailbox.id))
    level = all.filter(({ parent }) => ids.has(parent))
  }
  return height
}

/** RFC 8621 §2: no two mailboxes have one role; that of the Inbox is its own. */
export function checkRole(all: readonly Mailbox[], wanted: MailboxRole): void {
  if (all.some(({ role }) => role === wanted)) throw roleTaken()
}

/** All of it at once. Throws what `checkPlace` and `checkRole` throw. */
export function checkTree(all: readonly Mailbox[]): void {
  const byId = new Map(all.map((mailbox) => [mailbox.id, mailbox]))
  const places = new Set(all.map(siblingKey))
  const roles = all.map(({ role }) => role).filter((role) => role !== undefined)
  if (places.size < all.length) throw nameTaken()
  if (new Set(roles).size < roles.length) throw roleTaken()
  for (const mailbox of all) depthOf(byId, mailbox.id, mailbox.parent)
}

/** How deep a mailbox with this parent lies. */
function depthOf(
  byId: ReadonlyMap<MailboxId, Mailbox>,
  id: MailboxId | undefined,
  parent: MailboxId | 0,
): number {
  let depth = 1
  for (let above = parent; above !== 0; depth++) {
    const mailbox = byId.get(above)
    if (mailbox === undefined) throw new Fault('notFound', 'no such parent mailbox', { what: 'parent' })
    if (above === id)
      throw new Fault('invalid', 'a mailbox cannot lie below itself', { properties: ['parentId'] })
    if (depth > maxDepth) throw tooDeep()
    above = mailbox.parent
  }
  if (depth > maxDepth) throw tooDeep()
  return depth
}

const tooDeep = (): Fault => new Fault('tooLarge', 'mailboxes nested too deeply', { limit: maxDepth })
const nameTaken = (): Fault => new Fault('exists', 'there is a mailbox with that name', { what: 'mailbox' })
const roleTaken = (): Fault => new Fault('exists', 'there is a mailbox with that role', { what: 'role' })
