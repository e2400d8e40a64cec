/**
 * Mailboxes that a client describes (RFC 5465 §6 and §8, filter-mailboxes; RFC 7377 §2.2). What must always hold:
 * those that it may not read are left out without a word, and so are those that it has not named and may not see.
 */
import { hasAll, type Rights, rightsOf } from '#mail/rights.ts'
import { listForeignSubscriptions } from '#mail/subscription.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../wire/grammar.ts'
import { decodeName, delimiter } from '../namespace/mailbox-name.ts'
import type { MailboxRef } from '../namespace/mailbox-ref.ts'
import { locate } from '../namespace/namespaces.ts'
import type { ImapSession } from '../session/session.ts'

export interface MailboxFilter {
  /** In lower case. */
  readonly kind: string
  /** For those that go by names. */
  readonly names: readonly Uint8Array[]
}

const byName: ReadonlySet<string> = new Set(['mailboxes', 'subtree', 'subtree-one'])
/** Names behind one word. */
const maxNames = 1000

/** What may stand anywhere: commands add words of their own. */
export const filterKinds: readonly string[] = ['inboxes', 'personal', 'subscribed', 'subtree', 'mailboxes']

export function readMailboxFilter(args: Arguments, kinds: readonly string[]): MailboxFilter {
  const kind = args.atom().toLowerCase()
  if (!kinds.includes(kind)) args.fail('no mailboxes are described so here')
  const names: Uint8Array[] = []
  if (!byName.has(kind)) return { kind, names }
  args.sp()
  if (!args.takeOpen()) return { kind, names: [args.astring()] }
  do {
    if (names.length === maxNames) throw new Refusal('Too many names of mailboxes', 'LIMIT')
    names.push(args.astring())
  } while (args.take(0x20))
  args.close()
  return { kind, names }
}

const readable = rightsOf('r')
const listed = rightsOf('lr')

/** Each once; the selected one first, where it is meant. */
export async function filteredMailboxes(
  session: ImapSession,
  filters: readonly MailboxFilter[],
): Promise<readonly MailboxRef[]> {
  const chosen = new Map<string, MailboxRef>()
  const choose = (refs: readonly (MailboxRef | undefined)[], needs: Rights): void => {
    for (const ref of refs)
      if (ref !== undefined && hasAll(ref.rights, needs)) chosen.set(`${ref.account} ${ref.mailbox.id}`, ref)
  }
  for (const { kind } of filters) if (kind === 'selected') choose([await selectedRef(session)], readable)
  const own = await session.mailboxes.listOwn()
  for (const { kind, names } of filters) {
    // RFC 5465 §6.3: a rule of the user may deliver into any of them.
    if (kind === 'personal' || kind === 'inboxes') choose(own, listed)
    if (kind === 'subscribed') choose(await subscribed(session, own), listed)
    for (const name of names) {
      const path = decodeName(name, session.isUtf8)
      if (path === undefined) continue
      choose([await session.mailboxes.find(path)], readable)
      if (kind !== 'mailboxes') choose(await below(session, own, path, kind === 'subtree-one'), listed)
    }
  }
  return [...chosen.values()]
}

async function selectedRef({ selected, mailboxes }: ImapSession): Promise<MailboxRef | undefined> {
  return selected && mailboxes.refOf(selected.account, selected.mailbox)
}

async function subscribed(
  { mailboxes, services }: ImapSession,
  own: readonly MailboxRef[],
): Promise<readonly MailboxRef[]> {
  const others = await services.db.read((tx) => listForeignSubscriptions(tx, mailboxes.account))
  const keys = new Set(others.map(({ account, mailbox }) => `${account} ${mailbox}`))
  const foreign = keys.size === 0 ? [] : await mailboxes.foreign(() => true)
  return [
    ...own.filter(({ mailbox }) => mailbox.subscribed),
    ...foreign.filter(({ account, mailbox }) => keys.has(`${account} ${mailbox.id}`)),
  ]
}

async function below(
  { mailboxes }: ImapSession,
  own: readonly MailboxRef[],
  path: string,
  oneLevel: boolean,
): Promise<readonly MailboxRef[]> {
  const root = path + delimiter
  const foreign =
    locate(path, mailboxes.names).space === 'own'
      ? []
      : await mailboxes.foreign((prefix) => prefix.startsWith(root) || root.startsWith(prefix))
  return [...own, ...foreign].filter(
    (ref) => ref.path.startsWith(root) && !(oneLevel && ref.path.includes(delimiter, root.length)),
  )
}
