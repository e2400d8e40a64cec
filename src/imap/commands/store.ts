/** STORE and UID STORE: flags are added, removed or replaced. */
import type { Uid } from '#base/id.ts'
import { type FlagChange, storeFlags } from '#mail/flags.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { flagRights, type FlagRights, mayChange } from '#mail/rights.ts'
import { type AnyCommand, command, type Completion, whole } from '../command.ts'
import { beginFetch, endFetch, writeColumn } from '../fetch-response.ts'
import { type GivenFlags, readFlags } from '../flag-names.ts'
import type { Arguments } from '../grammar.ts'
import { notPermitted, placeOf } from '../mailbox-ref.ts'
import { eachPosition, positionsOfNumbers, positionsOfUids, type SequenceSet } from '../sequence-set.ts'
import type { ImapSession } from '../session.ts'
import { sameFlags, type SessionView } from '../view.ts'

/** Messages in one commit. */
const pageSize = 1000

interface StoreArguments {
  readonly set: SequenceSet
  readonly how: FlagChange['how']
  readonly isSilent: boolean
  readonly flags: GivenFlags
}

export const store = storing('STORE', 'RFC 9051 §6.4.6')
export const uidStore = storing('UID STORE', 'RFC 9051 §6.4.9')

function storing(name: string, standard: string): AnyCommand {
  const byUid = name.startsWith('UID')
  return command<StoreArguments>({
    name,
    states: ['selected'],
    standard,
    ...(!byUid && { hidesExpunges: true as const }),
    parse: whole(readArguments),
    run: (session, args) => runStore(session, args, byUid),
  })
}

function readArguments(args: Arguments): StoreArguments {
  args.sp()
  const set = args.sequenceSet()
  args.sp()
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
  return { set, how, isSilent: word === 'FLAGS.SILENT', flags: readFlags(flags) }
}

async function runStore(session: ImapSession, args: StoreArguments, byUid: boolean): Promise<Completion> {
  session.assertWritable()
  const view = session.selectedView
  const { held } = await session.selectedNow('r')
  if (!mayStore(args, flagRights(held.rights))) throw notPermitted()
  const { account, mailbox } = placeOf(held)
  const positions = [
    ...eachPosition((byUid ? positionsOfUids : positionsOfNumbers)(args.set, view, view.saved)),
  ]
  const change: FlagChange = { how: args.how, keywords: args.flags.keywords, deleted: args.flags.deleted }
  for (let at = 0; at < positions.length; at += pageSize) {
    const uids = positions.slice(at, at + pageSize).map((position) => view.uidAt(position)) as Uid[]
    await session.mailboxes.write([held], (tx, [rights]) =>
      storeFlags(tx, account, mailbox, uids, { ...change, may: flagRights(rights!) }),
    )
  }
  const { now } = await session.selectedNow('r')
  const missed = await tellResult(session, positions, now, args, byUid)
  if (!missed || byUid) return {}
  return { status: 'NO', code: 'EXPUNGEISSUED', text: 'Some of the messages are gone' }
}

/** RFC 4314 §4: one flag that may be changed is enough, the others stay as they are. */
function mayStore({ how, flags }: StoreArguments, may: FlagRights): boolean {
  const { keywords, deleted } = flags
  if (how === 'replace') return may.seen || may.others || may.deleted
  if (keywords.length === 0 && !deleted) return true
  return keywords.some((keyword) => mayChange(may, keyword)) || (deleted && may.deleted)
}

/** The new flags of each message, or with SILENT nothing where they are what the client expects. */
async function tellResult(
  { out, selectedView: view }: ImapSession,
  positions: readonly number[],
  now: MailboxView,
  args: StoreArguments,
  byUid: boolean,
): Promise<boolean> {
  const locate = view.locator(now)
  let missed = false
  for (const position of positions) {
    const index = locate(position)
    if (index === -1) {
      missed = true
      continue
    }
    if (args.isSilent) {
      if (isExpected(view, position, now, index, args)) view.tell(position, now, index)
      continue
    }
    beginFetch(out, position + 1)
    if (byUid) {
      writeColumn(out, 'UID', now, index, '')
      out.sp()
    }
    writeColumn(out, 'FLAGS', now, index, '')
    endFetch(out)
    view.tell(position, now, index)
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
  const told = view.toldFlags(position)
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
