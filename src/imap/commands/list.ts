/** LIST with its options: which mailboxes there are, and what is known of each. */
import { hasAny, rightsOf } from '#mail/rights.ts'
import { mayAnnotate, readEntries, readEntry, writeMetadata } from '../mailbox/annotations.ts'
import { command, whole } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'
import { type Candidate, Patterns, readCandidates } from '../mailbox/list-candidates.ts'
import { attributesOf, writeListed } from '../mailbox/list-response.ts'
import { parentPath } from '../namespace/mailbox-name.ts'
import type { ImapSession } from '../session/session.ts'
import { useAttribute } from '../mailbox/special-use.ts'
import { writeMyRights } from './myrights.ts'
import { readStatusItems, writeStatus } from '../mailbox/status-items.ts'

const maxPatterns = 64
const returnOptions = ['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE', 'MYRIGHTS', 'STATUS', 'METADATA']

interface ListArguments {
  readonly select: ReadonlySet<string>
  readonly reference: Uint8Array
  readonly patterns: readonly Uint8Array[]
  readonly returns: ReadonlySet<string>
  readonly status: readonly string[]
  /** Entries of METADATA. */
  readonly metadata: readonly string[]
  /** The extended syntax was used (RFC 9051 §6.3.9). */
  readonly isExtended: boolean
}

export const list = command<ListArguments>({
  name: 'LIST',
  states: signedIn,
  standard: 'RFC 9051 §6.3.9, RFC 9590',
  parse: whole(readArguments),
  async run(session, args) {
    if (!args.isExtended && args.patterns[0]!.length === 0) {
      writeListed(session, 'LIST', { path: '', attributes: ['\\Noselect'] })
      return
    }
    await listMatching(session, args, new Patterns(args.patterns, args.reference, session.isUtf8))
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
  let metadata: readonly string[] = []
  if (args.take(0x20)) {
    isExtended = true
    if (args.word() !== 'RETURN') args.fail('expected RETURN')
    args.sp()
    args.open()
    readWords(args, returns, returnOptions, (word) => {
      if (word === 'STATUS') {
        args.sp()
        status = readStatusItems(args)
      } else if (word === 'METADATA') {
        args.sp()
        metadata = args.peek() === 0x28 ? readEntries(args, 0) : [readEntry(args)]
      }
    })
  }
  return { select, reference, patterns, returns, status, metadata, isExtended }
}

/** Options up to the closing parenthesis; an unknown one is an error (RFC 9051 §6.3.9). */
function readWords(
  args: Arguments,
  into: Set<string>,
  known: readonly string[],
  onWord?: (word: string) => void,
): void {
  if (args.takeClose()) return
  do {
    const word = args.word()
    if (!known.includes(word)) args.fail('unknown option')
    into.add(word)
    onWord?.(word)
  } while (args.take(0x20))
  args.close()
}

async function listMatching(session: ImapSession, args: ListArguments, patterns: Patterns): Promise<void> {
  const { select } = args
  const onlySubscribed = select.has('SUBSCRIBED')
  const onlyUsed = select.has('SPECIAL-USE')
  const candidates = await readCandidates(session, (prefix) => patterns.mayMatch(prefix), onlySubscribed)
  const isWanted = ({ path, ref, isSubscribed, isLevel }: Candidate): boolean => {
    if (onlySubscribed && !isSubscribed) return false
    if (onlyUsed) return ref?.isOwn === true && useAttribute(ref.mailbox.role) !== undefined
    return ref !== undefined || onlySubscribed || (isLevel && patterns.asksForLevel(path))
  }
  const below = select.has('RECURSIVEMATCH') ? wantedBelow(candidates, isWanted, patterns) : undefined
  for (const candidate of candidates) {
    if (!patterns.matches(candidate.path)) continue
    const isItself = isWanted(candidate)
    const under = below?.get(candidate.path)
    // RFC 9051 §6.3.9.6: not for children that are listed themselves.
    if (!isItself && under !== 'hidden') continue
    await writeCandidate(session, args, candidate, { isItself, hasChildInfo: under !== undefined })
    const full = session.out.room()
    if (full !== undefined) await full
  }
}

async function writeCandidate(
  session: ImapSession,
  { select, returns, status, metadata }: ListArguments,
  candidate: Candidate,
  { isItself, hasChildInfo }: { isItself: boolean; hasChildInfo: boolean },
): Promise<void> {
  const { path, ref, isSubscribed, isLevel, hasChildren } = candidate
  const attributes =
    ref === undefined
      ? isLevel && !hasChildInfo
        ? ['\\Noselect', '\\HasChildren']
        : ['\\NonExistent']
      : attributesOf(ref, hasChildren)
  const hasStatus = ref !== undefined && hasAny(ref.rights, rightsOf('r'))
  // RFC 9051 §6.3.9.2: there is no STATUS of what one cannot open, and that is why.
  if (returns.has('STATUS') && ref !== undefined && !hasStatus) attributes.push('\\Noselect')
  if (isSubscribed && (select.has('SUBSCRIBED') || returns.has('SUBSCRIBED'))) attributes.push('\\Subscribed')
  writeListed(session, 'LIST', {
    path,
    attributes,
    ...(hasChildInfo && { extended: '"CHILDINFO" ("SUBSCRIBED")' }),
  })
  // RFC 8440 §3: not for one that is there for its children only.
  if (returns.has('MYRIGHTS') && ref !== undefined && isItself) writeMyRights(session, ref)
  if (returns.has('STATUS') && hasStatus) await writeStatus(session, ref, status)
  // RFC 9590 §3: as GETMETADATA would tell it, which for some it would not.
  if (metadata.length > 0 && ref !== undefined && isItself && mayAnnotate(ref.rights))
    await writeMetadata(session, ref, { names: metadata, depth: 0, maxSize: Infinity })
}

/** Which names have a wanted one below them: `hidden` where at least one of those is not listed itself. */
function wantedBelow(
  candidates: readonly Candidate[],
  isWanted: (candidate: Candidate) => boolean,
  patterns: Patterns,
): ReadonlyMap<string, 'listed' | 'hidden'> {
  const below = new Map<string, 'listed' | 'hidden'>()
  for (const candidate of candidates) {
    if (!isWanted(candidate)) continue
    const how = patterns.matches(candidate.path) ? 'listed' : 'hidden'
    for (let above = parentPath(candidate.path); above !== undefined; above = parentPath(above)) {
      if (how === 'hidden' || !below.has(above)) below.set(above, how)
    }
  }
  return below
}
