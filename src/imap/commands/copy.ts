/**
 * COPY, MOVE and their UID forms. A copy is all or nothing; COPYUID says which message became which, for MOVE
 * before the EXPUNGE responses that the loop writes (RFC 9051 §6.4.7 and §6.4.8).
 */
import type { Uid } from '#base/id.ts'
import { type Copied, copyMessages, moveMessages } from '#mail/copy.ts'
import { type AnyCommand, command, type Completion, whole } from '../command.ts'
import type { Arguments } from '../grammar.ts'
import { Refusal } from '../errors.ts'
import {
  eachPosition,
  formatSet,
  positionsOfNumbers,
  positionsOfUids,
  type SequenceSet,
} from '../sequence-set.ts'
import type { ImapSession } from '../session.ts'

/** Messages moved in one commit. Each is moved or not; of a copy all must be in one. */
const pageSize = 1000

export const copy = transfer('COPY', 'RFC 9051 §6.4.7')
export const uidCopy = transfer('UID COPY', 'RFC 9051 §6.4.9')
export const move = transfer('MOVE', 'RFC 9051 §6.4.8')
export const uidMove = transfer('UID MOVE', 'RFC 9051 §6.4.9')

interface TransferArguments {
  readonly set: SequenceSet
  readonly name: Uint8Array
}

function transfer(name: string, standard: string): AnyCommand {
  const byUid = name.startsWith('UID')
  const moves = name.endsWith('MOVE')
  return command<TransferArguments>({
    name,
    states: ['selected'],
    standard,
    parse: whole((args: Arguments) => {
      args.sp()
      const set = args.sequenceSet()
      args.sp()
      return { set, name: args.astring() }
    }),
    async run(session, args) {
      if (moves) session.assertWritable()
      const uids = await wantedUids(session, args.set, byUid)
      return moves ? moveAll(session, uids, args.name) : copyAll(session, uids, args.name)
    },
  })
}

/** Message numbers of messages that are gone cannot be copied, and then nothing is (RFC 2180 §4.4). */
async function wantedUids(session: ImapSession, set: SequenceSet, byUid: boolean): Promise<readonly Uid[]> {
  const { selectedView } = session
  const now = await session.selectedNow()
  const positions = (byUid ? positionsOfUids : positionsOfNumbers)(set, selectedView, selectedView.saved)
  const locate = selectedView.locator(now)
  const uids: number[] = []
  for (const position of eachPosition(positions)) {
    if (locate(position) !== -1) uids.push(selectedView.uidAt(position))
    else if (!byUid) throw new Refusal('Some of the messages are gone', 'EXPUNGEISSUED')
  }
  return uids as Uid[]
}

async function copyAll(session: ImapSession, uids: readonly Uid[], name: Uint8Array): Promise<Completion> {
  const { db, clock } = session.services
  const account = session.accountId
  const from = session.selectedView.mailbox
  const to = session.find((await session.mail()).mailboxes, session.path(name)).id
  if (uids.length === 0) return { text: 'No matching messages, so nothing copied' }
  const savedAt = clock.now()
  const copied = await db.write([account], (tx) =>
    copyMessages(tx, { account, mailbox: from }, uids, { account, mailbox: to }, { savedAt }),
  )
  return copied.pairs.length === 0 ? {} : { code: copyUid(copied.uidValidity, copied.pairs) }
}

async function moveAll(session: ImapSession, uids: readonly Uid[], name: Uint8Array): Promise<Completion> {
  const { db, clock } = session.services
  const account = session.accountId
  const from = session.selectedView.mailbox
  const to = session.find((await session.mail()).mailboxes, session.path(name)).id
  const pairs: Copied['pairs'] = []
  let uidValidity = 0
  try {
    for (let at = 0; at < uids.length; at += pageSize) {
      const page = uids.slice(at, at + pageSize)
      const savedAt = clock.now()
      const moved = await db.write([account], (tx) =>
        moveMessages(tx, { account, mailbox: from }, page, { account, mailbox: to }, { savedAt }),
      )
      pairs.push(...moved.pairs)
      uidValidity = moved.uidValidity
    }
  } finally {
    // Also for those that were moved before something failed.
    if (pairs.length > 0) session.untagged(`OK [${copyUid(uidValidity, pairs)}] Moved`)
  }
  return {}
}

const copyUid = (uidValidity: number, pairs: Copied['pairs']): string =>
  `COPYUID ${uidValidity} ${formatSet(pairs.map(([from]) => from))} ${formatSet(pairs.map(([, to]) => to))}`
