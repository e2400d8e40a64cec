/**
 * STORE and UID STORE: flags are added, removed or replaced; with UNCHANGEDSINCE only where nobody else changed
 * them meanwhile.
 */
import type { Modseq, Uid } from '#base/id.ts'
import { type FlagChange, storeFlags } from '#mail/flags.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { flagRights, type FlagRights, mayChange } from '#mail/rights.ts'
import { type AnyCommand, command, type Completion, whole } from '../session/command.ts'
import { condstoreItems, flagItems, onlyFlags } from '../fetch/changes-response.ts'
import type { ColumnItem } from '../fetch/fetch-items.ts'
import { writeColumns } from '../fetch/fetch-response.ts'
import { type GivenFlags, readFlags } from '../wire/flag-names.ts'
import type { Arguments } from '../wire/grammar.ts'
import { type HeldMailbox, notPermitted, placeOf } from '../namespace/mailbox-ref.ts'
import { completeLimited, limitPositions } from '../session/message-limit.ts'
import {
  eachPosition,
  formatSet,
  positionsOfNumbers,
  positionsOfUids,
  type SequenceSet,
} from '../wire/sequence-set.ts'
import { Progress } from '../session/progress.ts'
import type { ImapSession } from '../session/session.ts'
import { sameFlags, type SessionView } from '../session/view.ts'

/** Messages in one commit. */
const pageSize = 1000

/** RFC 7162 §3.1.3: with SILENT. */
const modseqItems: readonly ColumnItem[] = ['UID', 'MODSEQ']

interface StoreArguments {
  readonly set: SequenceSet
  /** RFC 7162 §3.1.3 */
  readonly unchangedSince: Modseq | undefined
  readonly how: FlagChange['how']
  readonly isSilent: boolean
  readonly flags: GivenFlags
}

export const store = storing('STORE', 'RFC 9051 §6.4.6, RFC 7162 §3.1.3')
export const uidStore = storing('UID STORE', 'RFC 9051 §6.4.9')

function storing(name: string, standard: string): AnyCommand {
  const byUid = name.startsWith('UID')
  return command<StoreArguments>({
    name,
    states: ['selected'],
    standard,
    ...(!byUid && { hidesExpunges: true as const, usesNumbers: true as const }),
    parse: whole(readArguments),
    run: (session, args) => runStore(session, args, byUid),
  })
}

function readArguments(args: Arguments): StoreArguments {
  args.sp()
  const set = args.sequenceSet()
  args.sp()
  const unchangedSince = readCondition(args)
  const how = args.take(0x2b) ? 'add' : args.take(0x2d) ? 'remove' : 'replace'
  const word = args.word()
  if (word !== 'FLAGS' && word !== 'FLAGS.SILENT') args.fail('unknown item')
  args.sp()
  const flags: string[] = []
  if (args.peek() === 0x28) flags.push(...args.flagList())
  else {
    do flags.push(args.flag())
    while (args.take(0x20))
  }
  return { set, unchangedSince, how, isSilent: word === 'FLAGS.SILENT', flags: readFlags(flags) }
}

/** `(UNCHANGEDSINCE n)` and a space (RFC 7162 §7, store-modifier). */
function readCondition(args: Arguments): Modseq | undefined {
  if (!args.takeOpen()) return undefined
  if (!args.takeWord('unchangedsince ')) args.fail('unknown modifier')
  const since = args.modSequence()
  args.close()
  args.sp()
  return since
}

async function runStore(session: ImapSession, args: StoreArguments, byUid: boolean): Promise<Completion> {
  session.assertWritable()
  if (args.unchangedSince !== undefined) session.enableCondstore()
  const view = session.selectedView
  const { held } = await session.selectedNow('r')
  if (!mayStore(args, flagRights(held.rights))) throw notPermitted()
  const asked = (byUid ? positionsOfUids : positionsOfNumbers)(args.set, view, view.saved)
  const limited = limitPositions(session, asked)
  const positions = [...eachPosition(limited.messages)]
  const modified = await storeAll(session, held, positions, args)
  const { now } = await session.selectedNow('r')
  // RFC 9738 §3.1: from the highest UID to the lowest.
  if (limited.limit !== undefined) positions.reverse()
  const missed = await tellResult(session, positions, { now, args, byUid, modified })
  const isIncomplete = missed && !byUid
  const gone = 'Some of the messages are gone'
  if (modified.size > 0)
    return completeLimited(session, limited, {
      status: isIncomplete ? 'NO' : 'OK',
      code: `MODIFIED ${formatSet(byUid ? modified : numbersOf(view, modified))}`,
      text: isIncomplete ? gone : 'Some of the messages were changed before',
    })
  const completion = isIncomplete ? ({ status: 'NO', code: 'EXPUNGEISSUED', text: gone } as const) : {}
  return completeLimited(session, limited, completion)
}

/** Returns the UIDs, ascending, that UNCHANGEDSINCE kept from being changed. */
async function storeAll(
  session: ImapSession,
  held: HeldMailbox,
  positions: readonly number[],
  { how, flags, unchangedSince }: StoreArguments,
): Promise<ReadonlySet<Uid>> {
  const { account, mailbox } = placeOf(held)
  const view = session.selectedView
  const modified = new Set<Uid>()
  const change: FlagChange = { how, keywords: flags.keywords, deleted: flags.deleted }
  using progress = new Progress(session, positions.length)
  for (let at = 0; at < positions.length; at += pageSize) {
    progress.done = at
    const page = positions.slice(at, at + pageSize)
    const uids = page.map((position) => view.uidAt(position)) as Uid[]
    const condition = unchangedSince !== undefined && {
      unchangedSince,
      known: new Map(page.map((position, i) => [uids[i]!, view.told(position)])),
    }
    const stored = await session.mailboxes.write([held], (tx, [rights]) =>
      storeFlags(tx, account, mailbox, uids, { ...change, ...condition, may: flagRights(rights!) }),
    )
    for (const uid of stored.modified) modified.add(uid)
  }
  return modified
}

function* numbersOf(view: SessionView, uids: Iterable<Uid>): Generator<number, void, void> {
  for (const uid of uids) yield view.lowerBound(uid) + 1
}

/** RFC 4314 §4: one flag that may be changed is enough, the others stay as they are. */
function mayStore({ how, flags }: StoreArguments, may: FlagRights): boolean {
  const { keywords, deleted } = flags
  if (how === 'replace') return may.seen || may.others || may.deleted
  if (keywords.length === 0 && !deleted) return true
  return keywords.some((keyword) => mayChange(may, keyword)) || (deleted && may.deleted)
}

interface Result {
  readonly now: MailboxView
  readonly args: StoreArguments
  readonly byUid: boolean
  readonly modified: ReadonlySet<Uid>
}

/**
 * The new flags of each message, or with SILENT nothing where they are what the client expects; of that a client
 * that knows CONDSTORE is told the MODSEQ (RFC 7162 §3.1.3). True where some are gone.
 */
async function tellResult(
  { out, selectedView: view, isCondstore, isUidOnly }: ImapSession,
  positions: readonly number[],
  { now, args, byUid, modified }: Result,
): Promise<boolean> {
  const locate = view.locator(now)
  const items = isCondstore ? condstoreItems : byUid ? flagItems : onlyFlags
  let missed = false
  for (const position of positions) {
    const index = locate(position)
    if (index === -1) {
      missed = true
      continue
    }
    const isKept = modified.has(now.uids.at(index) as Uid)
    const isSilent = args.isSilent && !isKept && isExpected(view, position, now, index, args)
    const isNew = view.told(position).modseq !== now.modseqs.at(index)
    if (!isSilent) writeColumns(out, position + 1, items, now, index, isUidOnly)
    else if (isCondstore && (isNew || args.unchangedSince !== undefined))
      writeColumns(out, position + 1, modseqItems, now, index, isUidOnly)
    view.tell(position, now, index, isCondstore)
    const full = out.room()
    if (full !== undefined) await full
  }
  return missed
}

/** Whether the flags are what the client works out from those it was told (RFC 9051 §6.4.6, SILENT). */
function isExpected(
  view: SessionView,
  position: number,
  now: MailboxView,
  index: number,
  { how, flags }: StoreArguments,
): boolean {
  const told = view.told(position)
  const actual = now.flagsAt(index)
  if (how === 'replace') return sameFlags(flags, actual)
  const keywords = new Set(told.keywords)
  for (const keyword of flags.keywords) {
    if (how === 'add') keywords.add(keyword)
    else keywords.delete(keyword)
  }
  const deleted = flags.deleted ? how === 'add' : told.deleted
  return sameFlags({ keywords: [...keywords].sort(), deleted }, actual)
}
