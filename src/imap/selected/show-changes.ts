/**
 * The moments at which a client learns what others did: at the end of commands, in IDLE, and after NOTIFY always.
 * What it is told of its mailbox then is what it asked for (RFC 5465 §3.1), as long as it did not use NOTIFY all.
 */
import { flagRights } from '#mail/rights.ts'
import { Fetching, withFirst } from './fetching.ts'
import { bothItems, type FetchItem } from '../fetch/fetch-items.ts'
import { writeFlags } from './permanent-flags.ts'
import {
  type ContextChanges,
  findContextChanges,
  tellContextChanges,
  tellGone,
} from '../search/search-context.ts'
import { pairUp } from '../wire/sequence-set.ts'
import type { ImapSession } from '../session/session.ts'

export interface Occasion {
  /** Whether the client may be told now of messages that are gone. */
  readonly expunges: boolean
  /** A command of the client itself removed messages. */
  readonly hasExpunged?: boolean
}

/** Tells the client what is new. True where it was told of messages of its mailbox that are gone. */
export async function showChanges(session: ImapSession, occasion: Occasion): Promise<boolean> {
  // Read before the selected mailbox is: of that nothing may be taken for told that was not shown.
  const others = await session.notify?.news()
  const toldGone = await showWanted(session, occasion)
  await others?.tell()
  return toldGone
}

/** What NOTIFY asks for of the selected mailbox. */
async function showWanted(session: ImapSession, occasion: Occasion): Promise<boolean> {
  const { notify } = session
  if (notify === undefined) return showSelected(session, { ...everything, expunges: occasion.expunges })
  const { selected: wanted } = notify
  if (wanted === undefined) {
    // What the client did itself it is told, and nothing else.
    return occasion.hasExpunged === true && showSelected(session, onlyExpunges)
  }
  // RFC 5465 §6.1: who asks for expunges at once does not use message numbers.
  const expunges = occasion.expunges || !wanted.isDelayed
  return showSelected(session, { expunges, withNew: true, withFlags: wanted.flags, fetch: wanted.fetch })
}

interface Shown {
  readonly expunges: boolean
  readonly withNew: boolean
  readonly withFlags: boolean
  /** Of messages that are new and not the session's own. */
  readonly fetch: readonly FetchItem[]
}

const everything: Shown = { expunges: true, withNew: true, withFlags: true, fetch: [] }
const onlyExpunges: Shown = { expunges: true, withNew: false, withFlags: false, fetch: [] }

/** RFC 5465 §3.1: NOTIFY SET begins with all that there is to tell of the selected mailbox. */
export async function showAll(session: ImapSession): Promise<void> {
  await showSelected(session, everything)
}

/** Tells what is new in the selected mailbox, and what the client may do there if that changed. */
async function showSelected(session: ImapSession, { fetch, ...o }: Shown): Promise<boolean> {
  const { selected, isCondstore, isQresync, isUidOnly } = session
  if (selected === undefined) return false
  const { now, held } = await session.selectedNow('r')
  const { lastUid } = selected
  tellGone(session, now)
  const toldGone = selected.show(session.out, now, { ...o, isCondstore, isQresync, isUidOnly })
  // RFC 7162 §3.2: what the client is told with a higher MODSEQ than an EXPUNGE that waits may not hide that.
  if (isCondstore && selected.hidesGone) session.tellHighestModseq()
  const before = flagRights(selected.toldRights)
  const may = flagRights(held.rights)
  // RFC 4314 §5.1.1
  if (before.seen !== may.seen || before.deleted !== may.deleted || before.others !== may.others)
    writeFlags(session, now, { isReadOnly: selected.isReadOnly, may })
  selected.toldRights = held.rights
  if (session.isKeyNew) session.tellUrlMechanisms()
  session.isKeyNew = false
  if (o.withNew) {
    const changes = await findContextChanges(session, now, held)
    // RFC 5465 §7 and §5.2: what searches ask for comes before their results, and all else behind these.
    const isBefore = changes.fetch.length > 0
    if (isBefore) await fetchNew(session, lastUid, fetch, changes)
    await tellContextChanges(session, now, changes)
    if (!isBefore) await fetchNew(session, lastUid, fetch, changes)
  }
  if (selected.madeHere.size > 0) selected.madeHere.clear()
  const full = session.out.room()
  if (full !== undefined) await full
  return toldGone
}

/** Of messages behind a UID what is asked for of all, and of some by searches too, each in one response. */
async function fetchNew(
  session: ImapSession,
  after: number,
  forAll: readonly FetchItem[],
  { newUids, fetch }: ContextChanges,
): Promise<void> {
  const view = session.selectedView
  if ((forAll.length === 0 && fetch.length === 0) || view.count === 0) return
  const some: number[] = []
  const rest: number[] = []
  for (let position = view.lowerBound(after + 1); position < view.count; position++) {
    const uid = view.uidAt(position)
    // RFC 5465 §5.2
    if (view.madeHere.has(uid)) continue
    if (newUids.has(uid)) some.push(position)
    else rest.push(position)
  }
  await fetchItems(session, some, bothItems(forAll, fetch))
  await fetchItems(session, rest, forAll)
}

/** With the UID, which a client needs that is told of expunges at any time. */
async function fetchItems(
  session: ImapSession,
  positions: readonly number[],
  items: readonly FetchItem[],
): Promise<void> {
  if (positions.length > 0 && items.length > 0)
    await new Fetching(session, withFirst([!session.isUidOnly && 'UID'], items)).run(
      pairUp(positions),
      everyMessage,
    )
}

const everyMessage = { set: { ranges: [], saved: false }, byUid: true }
