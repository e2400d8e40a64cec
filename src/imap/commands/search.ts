/**
 * SEARCH and UID SEARCH, with the results that the client asks for: the numbers themselves, the lowest, the
 * highest, how many, or a memory of them for `$` (RFC 9051 §6.4.4).
 */
import type { UidRange } from '#mail/search-criteria.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { search as searchMailbox } from '#mail/query.ts'
import { type AnyCommand, command, type Completion, whole } from '../command.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../grammar.ts'
import { resolveKeys, type SearchKey, SearchKeyReader } from '../search-keys.ts'
import {
  countPositions,
  eachPosition,
  formatSet,
  pairUp,
  type Positions,
  positionsOfUids,
  positionsWithin,
  type SequenceSet,
} from '../sequence-set.ts'
import type { ImapSession } from '../session.ts'
import type { SessionView } from '../view.ts'

const returnOptions: readonly string[] = ['MIN', 'MAX', 'ALL', 'COUNT', 'SAVE']
const charsets: readonly string[] = ['US-ASCII', 'UTF-8']

interface SearchArguments {
  /** Undefined where RETURN was not given. */
  readonly returns: ReadonlySet<string> | undefined
  readonly isCharsetKnown: boolean
  readonly key: SearchKey
  /** See `SearchKeyReader`. */
  readonly hasModseq: boolean
  readonly hasNumbers: boolean
}

export const search = searching('SEARCH', 'RFC 9051 §6.4.4')
export const uidSearch = searching('UID SEARCH', 'RFC 9051 §6.4.9')

function searching(name: string, standard: string): AnyCommand {
  const byUid = name.startsWith('UID')
  return command<SearchArguments>({
    name,
    states: ['selected'],
    standard,
    // RFC 7162 §3.2.10.2: message numbers in a UID SEARCH must keep their meaning too.
    hidesExpunges: byUid ? ({ hasNumbers }) => hasNumbers : true,
    parse: whole((args: Arguments, session) => readArguments(args, session.selectedView.idPrefix)),
    async run(session, args) {
      const saves = args.returns?.has('SAVE') === true
      try {
        return await runSearch(session, args, byUid)
      } catch (error) {
        // RFC 9051 §6.4.4.1: a search that was to be saved and failed leaves nothing saved.
        if (saves) session.selected?.save([])
        throw error
      }
    },
  })
}

function readArguments(args: Arguments, idPrefix: string): SearchArguments {
  args.sp()
  let returns: Set<string> | undefined
  if (args.takeWord('return (')) {
    returns = new Set()
    if (!args.takeClose()) {
      do {
        const option = args.word()
        if (!returnOptions.includes(option)) args.fail('unknown return option')
        returns.add(option)
      } while (args.take(0x20))
      args.close()
    }
    // RFC 9051 §6.4.4: no option means ALL.
    if (returns.size === 0) returns.add('ALL')
    args.sp()
  }
  let isCharsetKnown = true
  if (args.takeWord('charset ')) {
    isCharsetKnown = charsets.includes(args.astring().toString('latin1').toUpperCase())
    args.sp()
  }
  const reader = new SearchKeyReader(args, idPrefix)
  const key = reader.readAll()
  const { hasModseq, hasNumbers, hasBadText } = reader
  return { returns, isCharsetKnown: isCharsetKnown && !hasBadText, key, hasModseq, hasNumbers }
}

async function runSearch(session: ImapSession, args: SearchArguments, byUid: boolean): Promise<Completion> {
  if (!args.isCharsetKnown) {
    throw new Refusal('That charset is not supported', `BADCHARSET (${charsets.join(' ')})`)
  }
  const { services, connection, selectedView: view } = session
  if (args.hasModseq) session.enableCondstore()
  const { now, held } = await session.selectedNow('r')
  const indexes = await searchMailbox({
    db: services.db,
    blobs: services.blobs,
    account: held.account,
    view: now,
    criteria: resolveKeys(args.key, (set, byUidSet) => rangesOf(set, byUidSet, view)),
    now: services.clock.now(),
    signal: connection.signal,
  })
  const found = pairUp(view.isNumberedAs(now) ? indexes : positionsOf(view, now.uids, indexes))
  if (args.returns?.has('SAVE') === true) view.save(savedOf(found, args.returns))
  const full = writeResult(session, args, found, byUid, args.hasModseq ? highest(now, found, view, args) : 0)
  if (full !== undefined) await full
  return {}
}

/** Messages that the client does not know yet are not found. */
function* positionsOf(
  view: SessionView,
  uids: MailboxView['uids'],
  indexes: readonly number[],
): Generator<number, void, void> {
  let near = 0
  for (const index of indexes) {
    const uid = uids.at(index)
    const at = near < view.count && view.uidAt(near) === uid ? near : view.lowerBound(uid)
    if (at >= view.count) return
    if (view.uidAt(at) !== uid) continue
    yield at
    near = at + 1
  }
}

/** The UIDs that a set in the criteria stands for. */
function rangesOf(set: SequenceSet, byUid: boolean, view: SessionView): readonly UidRange[] {
  const positions = (byUid ? positionsOfUids : positionsWithin)(set, view, view.saved)
  const ranges: UidRange[] = []
  for (let i = 0; i < positions.length; i += 2) {
    ranges.push([view.uidAt(positions[i]!), view.uidAt(positions[i + 1]!)])
  }
  return ranges
}

/** RFC 9051 §6.4.4.1, table 4: with MIN and MAX alone, only these are saved. */
function savedOf(found: Positions, returns: ReadonlySet<string>): Positions {
  const onlyEnds = (returns.has('MIN') || returns.has('MAX')) && !returns.has('ALL') && !returns.has('COUNT')
  if (!onlyEnds || found.length === 0) return found
  const ends = new Set<number>()
  if (returns.has('MIN')) ends.add(found[0]!)
  if (returns.has('MAX')) ends.add(found.at(-1)!)
  return pairUp(ends)
}

/** RFC 7162 §3.1.5, RFC 4731 §3.2: the highest MODSEQ of what is returned; 0 for nothing. */
function highest(
  now: MailboxView,
  found: Positions,
  view: SessionView,
  { returns }: SearchArguments,
): number {
  const locate = view.locator(now)
  let modseq = 0
  for (const position of eachPosition(returns === undefined ? found : savedOf(found, returns)))
    modseq = Math.max(modseq, now.modseqs.at(locate(position)))
  return modseq
}

function writeResult(
  session: ImapSession,
  { returns }: SearchArguments,
  found: Positions,
  byUid: boolean,
  modseq: number,
): Promise<void> | void {
  const { out, selectedView: view } = session
  const number = (position: number): number => (byUid ? view.uidAt(position) : position + 1)
  if (returns === undefined && !session.isRev2) {
    out.ascii('* SEARCH')
    for (const position of eachPosition(found)) out.sp().uint(number(position))
    if (modseq > 0) out.ascii(' (MODSEQ ').uint(modseq).byte(0x29)
    out.crlf()
    return out.room()
  }
  const wanted = returns ?? new Set(['ALL'])
  if (wanted.size === 1 && wanted.has('SAVE')) return
  out.ascii('* ESEARCH (TAG "').ascii(session.reader.tag.replace(/["\\]/g, '\\$&')).ascii('")')
  if (byUid) out.ascii(' UID')
  if (found.length > 0) {
    if (wanted.has('MIN')) out.ascii(' MIN ').uint(number(found[0]!))
    if (wanted.has('MAX')) out.ascii(' MAX ').uint(number(found.at(-1)!))
    if (wanted.has('ALL')) out.ascii(' ALL ').ascii(formatSet(numbersOf(found, number)))
  }
  if (wanted.has('COUNT')) out.ascii(' COUNT ').uint(countPositions(found))
  if (modseq > 0) out.ascii(' MODSEQ ').uint(modseq)
  out.crlf()
  return out.room()
}

function* numbersOf(
  positions: Positions,
  number: (position: number) => number,
): Generator<number, void, void> {
  for (const position of eachPosition(positions)) yield number(position)
}
