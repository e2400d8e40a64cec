/** LIST with its options: which mailboxes there are, and what is known of each. */
import type { MailboxId } from '#base/id.ts'
import { mailboxPaths } from '#mail/mailbox-path.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { listLostSubscriptions } from '#mail/subscription.ts'
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'
import { ListPattern } from '../list-pattern.ts'
import { attributesOf, parentIds, writeListed } from '../list-response.ts'
import { decodeName, parentPath } from '../mailbox-name.ts'
import type { ImapSession } from '../session.ts'
import { useAttribute } from '../special-use.ts'
import { readStatusItems, writeStatus } from '../status-items.ts'

const maxPatterns = 64

interface ListArguments {
  readonly select: ReadonlySet<string>
  readonly reference: Uint8Array
  readonly patterns: readonly Uint8Array[]
  readonly returns: ReadonlySet<string>
  readonly status: readonly string[]
  /** The extended syntax was used (RFC 9051 §6.3.9). */
  readonly isExtended: boolean
}

export const list = command<ListArguments>({
  name: 'LIST',
  states: signedIn,
  standard: 'RFC 9051 §6.3.9',
  parse: whole(readArguments),
  async run(session, args) {
    if (!args.isExtended && args.patterns[0]!.length === 0) {
      writeListed(session, 'LIST', { path: '', attributes: ['\\Noselect'] })
      return
    }
    const patterns = args.patterns
      .filter((pattern) => pattern.length > 0)
      .map((pattern) => decodeName(Buffer.concat([args.reference, pattern]), session.isRev2))
      .filter((pattern) => pattern !== undefined)
      .map((pattern) => new ListPattern(pattern))
    await listMatching(session, args, (path) => patterns.some((pattern) => pattern.matches(path)))
  },
})

function readArguments(args: Arguments): ListArguments {
  args.sp()
  const select = new Set<string>()
  let isExtended = args.takeOpen()
  if (isExtended) {
    readWords(args, select, ['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'])
    if (select.has('RECURSIVEMATCH') && !select.has('SUBSCRIBED'))
      args.fail('RECURSIVEMATCH needs SUBSCRIBED')
    args.sp()
  }
  const reference = args.astring()
  args.sp()
  const patterns: Uint8Array[] = []
  if (args.takeOpen()) {
    isExtended = true
    do patterns.push(args.listMailbox())
    while (patterns.length < maxPatterns && args.take(0x20))
    args.close()
  } else patterns.push(args.listMailbox())
  const returns = new Set<string>()
  let status: readonly string[] = []
  if (args.take(0x20)) {
    isExtended = true
    if (args.word() !== 'RETURN') args.fail('expected RETURN')
    args.sp()
    args.open()
    readWords(args, returns, ['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE', 'STATUS'], () => {
      args.sp()
      status = readStatusItems(args)
    })
  }
  return { select, reference, patterns, returns, status, isExtended }
}

/** Options up to the closing parenthesis; an unknown one is an error (RFC 9051 §6.3.9). */
function readWords(
  args: Arguments,
  into: Set<string>,
  known: readonly string[],
  onStatus?: () => void,
): void {
  if (args.takeClose()) return
  do {
    const word = args.word()
    if (!known.includes(word)) args.fail('unknown option')
    into.add(word)
    if (word === 'STATUS') onStatus?.()
  } while (args.take(0x20))
  args.close()
}

/** A name that may be listed: a mailbox, a subscription without one, or a level above such a one. */
interface Candidate {
  readonly path: string
  readonly mailbox: Mailbox | undefined
  readonly isSubscribed: boolean
}

async function listMatching(
  session: ImapSession,
  args: ListArguments,
  matches: (path: string) => boolean,
): Promise<void> {
  const { mailboxes } = await session.mail()
  const onlySubscribed = args.select.has('SUBSCRIBED')
  const lost = onlySubscribed
    ? await session.services.db.read((tx) => listLostSubscriptions(tx, session.accountId))
    : []
  const candidates = candidatesOf(mailboxes, lost)
  const isWanted = ({ mailbox, isSubscribed }: Candidate): boolean =>
    (!onlySubscribed || isSubscribed) &&
    (mailbox !== undefined || onlySubscribed) &&
    (!args.select.has('SPECIAL-USE') || useAttribute(mailbox?.role) !== undefined)
  const below = args.select.has('RECURSIVEMATCH') ? wantedBelow(candidates, isWanted, matches) : undefined
  const parents = parentIds(mailboxes)
  for (const candidate of candidates) {
    if (!matches(candidate.path)) continue
    const isItself = isWanted(candidate)
    const under = below?.get(candidate.path)
    // RFC 9051 §6.3.9.6: not for children that are listed themselves.
    if (!isItself && under !== 'hidden') continue
    writeCandidate(session, args, candidate, parents, under !== undefined)
    const full = session.out.room()
    if (full !== undefined) await full
  }
}

function writeCandidate(
  session: ImapSession,
  { select, returns, status }: ListArguments,
  { path, mailbox, isSubscribed }: Candidate,
  parents: ReadonlySet<number>,
  hasChildInfo: boolean,
): void {
  const attributes =
    mailbox === undefined ? ['\\NonExistent'] : attributesOf(mailbox, parents.has(mailbox.id))
  if (isSubscribed && (select.has('SUBSCRIBED') || returns.has('SUBSCRIBED'))) attributes.push('\\Subscribed')
  writeListed(session, 'LIST', {
    path,
    attributes,
    ...(hasChildInfo && { extended: '"CHILDINFO" ("SUBSCRIBED")' }),
  })
  if (returns.has('STATUS') && mailbox !== undefined) writeStatus(session, path, mailbox, status)
}

export function candidatesOf(mailboxes: readonly Mailbox[], lost: readonly string[]): readonly Candidate[] {
  const paths: ReadonlyMap<MailboxId, string> = mailboxPaths(mailboxes)
  const candidates = new Map<string, Candidate>()
  for (const mailbox of mailboxes) {
    const path = paths.get(mailbox.id)!
    candidates.set(path, { path, mailbox, isSubscribed: mailbox.subscribed })
  }
  for (const path of lost)
    if (!candidates.has(path)) candidates.set(path, { path, mailbox: undefined, isSubscribed: true })
  for (const path of lost) {
    for (let above = parentPath(path); above !== undefined; above = parentPath(above)) {
      if (candidates.has(above)) break
      candidates.set(above, { path: above, mailbox: undefined, isSubscribed: false })
    }
  }
  return [...candidates.values()]
}

/** Which names have a wanted one below them: `hidden` where at least one of those is not listed itself. */
function wantedBelow(
  candidates: readonly Candidate[],
  isWanted: (candidate: Candidate) => boolean,
  matches: (path: string) => boolean,
): ReadonlyMap<string, 'listed' | 'hidden'> {
  const below = new Map<string, 'listed' | 'hidden'>()
  for (const candidate of candidates) {
    if (!isWanted(candidate)) continue
    const how = matches(candidate.path) ? 'listed' : 'hidden'
    for (let above = parentPath(candidate.path); above !== undefined; above = parentPath(above)) {
      if (how === 'hidden' || !below.has(above)) below.set(above, how)
    }
  }
  return below
}
