/**
 * The names that LIST and LSUB choose from: the mailboxes that somebody can see, subscriptions to what does not
 * exist (any more), and the levels above these that are no mailboxes.
 */
import { listForeignSubscriptions, listLostSubscriptions } from '#mail/subscription.ts'
import { ListPattern } from './list-pattern.ts'
import { decodeName, parentPath } from '../namespace/mailbox-name.ts'
import type { MailboxRef } from '../namespace/mailbox-ref.ts'
import type { ImapSession } from '../session/session.ts'

export interface Candidate {
  readonly path: string
  readonly ref: MailboxRef | undefined
  readonly isSubscribed: boolean
  /** Somebody else's mailboxes lie below it, and it is none. */
  readonly isLevel: boolean
  readonly hasChildren: boolean
}

/** Patterns as a client gave them, each behind the reference. */
export class Patterns {
  readonly #patterns: readonly ListPattern[]

  constructor(patterns: readonly Uint8Array[], reference: Uint8Array, isUtf8: boolean) {
    this.#patterns = patterns
      .filter((pattern) => pattern.length > 0)
      .map((pattern) => decodeName(Buffer.concat([reference, pattern]), isUtf8))
      .filter((pattern) => pattern !== undefined)
      .map((pattern) => new ListPattern(pattern))
  }

  matches(path: string): boolean {
    return this.#patterns.some((pattern) => pattern.matches(path))
  }

  /** RFC 3501 §6.3.8: with `%`, levels are listed too that are no mailboxes. */
  asksForLevel(path: string): boolean {
    return this.#patterns.some((pattern) => pattern.asksForLevel && pattern.matches(path))
  }

  /** Whether names that begin so, or the levels above them, can be among those asked for. */
  mayMatch(prefix: string): boolean {
    for (let above = parentPath(prefix); above !== undefined; above = parentPath(above))
      if (this.asksForLevel(above)) return true
    return this.#patterns.some((pattern) => pattern.mayMatchBelow(prefix))
  }
}

/** `withLost`: also what is subscribed to and does not exist. */
export async function readCandidates(
  session: ImapSession,
  isAsked: (prefix: string) => boolean,
  withLost: boolean,
): Promise<readonly Candidate[]> {
  const { mailboxes, services } = session
  const own = await mailboxes.listOwn()
  const foreign = await mailboxes.foreign(isAsked)
  const { account } = mailboxes
  const { lost, others } = await services.db.read(async (tx) => ({
    lost: withLost ? await listLostSubscriptions(tx, account) : [],
    others: await listForeignSubscriptions(tx, account),
  }))
  const subscribed = new Set(others.map(({ account: owner, mailbox }) => `${owner} ${mailbox}`))
  const isSubscribed = (ref: MailboxRef): boolean =>
    ref.isOwn ? ref.mailbox.subscribed : subscribed.delete(`${ref.account} ${ref.mailbox.id}`)
  const refs = [...own, ...foreign].map((ref) => ({ path: ref.path, ref, isSubscribed: isSubscribed(ref) }))
  const gone = withLost
    ? [
        ...lost,
        ...others.filter((one) => subscribed.has(`${one.account} ${one.mailbox}`)).map(({ path }) => path),
      ]
    : []
  return complete(refs, gone)
}

type Named = Pick<Candidate, 'path' | 'ref' | 'isSubscribed'>

/** With the names that do not exist, and the levels above all. */
function complete(refs: readonly Named[], gone: readonly string[]): readonly Candidate[] {
  const names = new Map<string, Named>()
  for (const one of refs) if (!names.has(one.path)) names.set(one.path, one)
  const parents = ancestorsOf(names.keys())
  const levels = [...parents].filter((path) => !names.has(path)).sort()
  const all: Candidate[] = []
  const add = (one: Named, isLevel: boolean): void =>
    void all.push({ ...one, isLevel, hasChildren: parents.has(one.path) })
  for (const one of names.values()) add(one, false)
  for (const path of levels) add({ path, ref: undefined, isSubscribed: false }, true)
  const lost = new Set(gone.filter((path) => !names.has(path)))
  for (const path of lost) add({ path, ref: undefined, isSubscribed: true }, false)
  for (const path of ancestorsOf(lost))
    if (!names.has(path) && !lost.has(path) && !parents.has(path))
      add({ path, ref: undefined, isSubscribed: false }, false)
  return all
}

/** The names above these. */
export function ancestorsOf(paths: Iterable<string>): ReadonlySet<string> {
  const found = new Set<string>()
  for (const path of paths)
    for (let above = parentPath(path); above !== undefined && !found.has(above); above = parentPath(above))
      found.add(above)
  return found
}
