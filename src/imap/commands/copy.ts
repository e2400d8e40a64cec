/**
 * COPY, MOVE and their UID forms. A copy is all or nothing; COPYUID says which message became which, for MOVE
 * before the EXPUNGE responses that the loop writes (RFC 9051 §6.4.7 and §6.4.8).
 */
import type { Uid } from '#base/id.ts'
import { type Copied, copyMessages, moveMessages, type TransferOptions } from '#mail/copy.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { flagRights } from '#mail/rights.ts'
import { type AnyCommand, command, type Completion, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { Refusal } from '../errors.ts'
import { type HeldMailbox, placeOf, tellsUids } from '../namespace/mailbox-ref.ts'
import {
  eachPosition,
  formatSet,
  positionsOfNumbers,
  positionsOfUids,
  type SequenceSet,
} from '../wire/sequence-set.ts'
import { assertSaveable, completeLimited, limitUids } from '../session/message-limit.ts'
import { Progress } from '../session/progress.ts'
import type { ImapSession } from '../session/session.ts'
import type { SessionView } from '../session/view.ts'

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
    ...(!byUid && { usesNumbers: true as const }),
    parse: whole((args: Arguments) => {
      args.sp()
      const set = args.sequenceSet()
      args.sp()
      return { set, name: args.astring() }
    }),
    async run(session, args) {
      if (moves) session.assertWritable()
      // RFC 6851 §4.2: of MOVE the rights of STORE, COPY and EXPUNGE.
      const { now, held } = await session.selectedNow(moves ? 'rte' : 'r')
      const uids = wantedUids(session.selectedView, now, args.set, byUid)
      const to = await session.open(args.name, 'i')
      return moves ? moveAll(session, held, uids, to) : copyAll(session, held, uids, to)
    },
  })
}

/** Message numbers of messages that are gone cannot be copied, and then nothing is (RFC 2180 §4.4). */
function wantedUids(view: SessionView, now: MailboxView, set: SequenceSet, byUid: boolean): readonly Uid[] {
  const positions = (byUid ? positionsOfUids : positionsOfNumbers)(set, view, view.saved)
  const locate = view.locator(now)
  const uids: number[] = []
  for (const position of eachPosition(positions)) {
    if (locate(position) !== -1) uids.push(view.uidAt(position))
    else if (!byUid) throw new Refusal('Some of the messages are gone', 'EXPUNGEISSUED')
  }
  return uids as Uid[]
}

async function copyAll(
  session: ImapSession,
  from: HeldMailbox,
  uids: readonly Uid[],
  to: HeldMailbox,
): Promise<Completion> {
  assertSaveable(session, uids)
  if (uids.length === 0) return { text: 'No matching messages, so nothing copied' }
  using progress = new Progress(session, uids.length)
  const options = { ...(await optionsFor(session, to)), onEach: () => void progress.done++ }
  const copied = await session.mailboxes.write([from, to], (tx, [, rights]) =>
    copyMessages(
      tx,
      { from: placeOf(from), uids, to: placeOf(to) },
      { ...options, may: flagRights(rights!) },
    ),
  )
  session.made(
    to,
    copied.pairs.map(([, uid]) => uid),
  )
  return copied.pairs.length === 0 || !tellsUids(to)
    ? {}
    : { code: copyUid(copied.uidValidity, copied.pairs) }
}

async function moveAll(
  session: ImapSession,
  from: HeldMailbox,
  asked: readonly Uid[],
  to: HeldMailbox,
): Promise<Completion> {
  const limited = limitUids(session, asked)
  const uids = limited.messages
  const pairs: Copied['pairs'] = []
  let uidValidity = 0
  try {
    using progress = new Progress(session, uids.length)
    for (let at = 0; at < uids.length; at += pageSize) {
      const page = uids.slice(at, at + pageSize)
      const options = await optionsFor(session, to)
      const moved = await session.mailboxes.write([from, to], (tx, [, rights]) =>
        moveMessages(
          tx,
          { from: placeOf(from), uids: page, to: placeOf(to) },
          { ...options, may: flagRights(rights!) },
        ),
      )
      pairs.push(...moved.pairs)
      session.made(
        to,
        moved.pairs.map(([, uid]) => uid),
      )
      progress.done += page.length
      uidValidity = moved.uidValidity
    }
  } finally {
    // Also for those that were moved before something failed.
    if (pairs.length > 0 && tellsUids(to)) session.untagged(`OK [${copyUid(uidValidity, pairs)}] Moved`)
  }
  return completeLimited(session, limited, { expunged: pairs.length > 0 })
}

const optionsFor = async ({ services }: ImapSession, { account }: HeldMailbox): Promise<TransferOptions> => ({
  savedAt: services.clock.now(),
  limits: await services.limitsOf(account),
})

const copyUid = (uidValidity: number, pairs: Copied['pairs']): string =>
  `COPYUID ${uidValidity} ${formatSet(pairs.map(([from]) => from))} ${formatSet(pairs.map(([, to]) => to))}`
