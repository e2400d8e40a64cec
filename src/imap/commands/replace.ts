/**
 * REPLACE and UID REPLACE: a new message comes into a mailbox and one of the selected mailbox goes, at once
 * (RFC 8508).
 */
import { isFault } from '#base/fault.ts'
import type { Uid } from '#base/id.ts'
import type { MailUsage } from '#mail/limits.ts'
import { type Replaced, replaceMessage, roomOf } from '#mail/replace.ts'
import { flagRights } from '#mail/rights.ts'
import { Arriving, type Arrived, type MessageHead, permittedFlags, readHead } from '../append/arriving.ts'
import { type AnyCommand, command, type Completion } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import { Arguments } from '../wire/grammar.ts'
import { type HeldMailbox, type MailboxRef, placeOf, tellsUids } from '../namespace/mailbox-ref.ts'
import type { CommandReader, Stretch } from '../wire/reader.ts'
import { positionsOfNumbers, positionsOfUids } from '../wire/sequence-set.ts'
import type { ImapSession } from '../session/session.ts'

interface ReplaceArguments {
  /** A message number or UID; `star` for the last. */
  readonly number: number
  readonly name: Uint8Array
  readonly head: MessageHead
  readonly stretch: Stretch
}

export const replace = replacing('REPLACE', 'RFC 8508 §3.2')
export const uidReplace = replacing('UID REPLACE', 'RFC 8508 §3.3')

function replacing(name: string, standard: string): AnyCommand {
  return command<ReplaceArguments>({
    name,
    states: ['selected'],
    standard,
    ...(!name.startsWith('UID') && { usesNumbers: true as const }),
    parse: readArguments,
    async run(session, args) {
      session.assertWritable()
      // RFC 8508 §4.1: the rights of STORE and EXPUNGE here, and of APPEND there.
      const { now, held } = await session.selectedNow('rte')
      const uid = uidOf(session, args.number, name.startsWith('UID'))
      if (uid === undefined || now.indexOfUid(uid) === -1) throw gone()
      const old: Replaced = { place: placeOf(held), uid }
      const to = await session.open(args.name, 'i')
      const room = await session.services.db.read((tx) => roomOf(tx, old, to.account))
      if (room === undefined) throw gone()
      return take(session, { args, held, old, to, room })
    },
  })
}

/** The mailbox's name may be a literal too. */
async function readArguments(reader: CommandReader): Promise<ReplaceArguments> {
  const stretch = await reader.argumentsUntil(({ bytes, at, end }) => {
    const before = new Arguments(bytes, at, end)
    readNumber(before)
    return !before.atEnd
  })
  const { args } = stretch
  const number = readNumber(args)
  const name = args.astring()
  return { number, name, head: readHead(stretch), stretch }
}

function readNumber(args: Arguments): number {
  args.sp()
  const number = args.sequenceNumber()
  args.sp()
  return number
}

/** Undefined for a UID that no message has. */
function uidOf({ selectedView: view }: ImapSession, number: number, byUid: boolean): Uid | undefined {
  const set = { ranges: [number, number], saved: false }
  const [position] = (byUid ? positionsOfUids : positionsOfNumbers)(set, view, [])
  return position === undefined ? undefined : (view.uidAt(position) as Uid)
}

interface Replacement {
  readonly args: ReplaceArguments
  readonly held: HeldMailbox
  readonly old: Replaced
  readonly to: MailboxRef
  readonly room: MailUsage
}

async function take(session: ImapSession, o: Replacement): Promise<Completion> {
  const arriving = await Arriving.into(session, o.to.account, o.room)
  try {
    const behind = await arriving.take(o.args.head, o.args.stretch)
    behind.args.done()
    if (behind.mark !== undefined) behind.args.fail('only one message can come in the place of one')
    return await keep(session, o, arriving.messages[0]!)
  } catch (error) {
    await arriving.abort()
    throw error
  }
}

async function keep(
  session: ImapSession,
  { held, old, to }: Replacement,
  { message, flags }: Arrived,
): Promise<Completion> {
  const { services } = session
  const limits = await services.limitsOf(to.account)
  const savedAt = services.clock.now()
  const { uidValidity, uid } = await session.mailboxes
    .write([held, to], (tx, [, rights]) => {
      const permitted = permittedFlags(flags, flagRights(rights!))
      return replaceMessage(tx, old, placeOf(to), message, { ...permitted, savedAt, limits })
    })
    .catch((error: unknown) => {
      throw isFault(error, 'conflict') ? gone() : error
    })
  session.made(to, [uid])
  // RFC 8508 §4.3: before the client is told that the old one is gone.
  if (tellsUids(to)) session.untagged(`OK [APPENDUID ${uidValidity} ${uid}] Replacement message ready`)
  return { expunged: true }
}

const gone = (): Refusal => new Refusal('The message is gone', 'EXPUNGEISSUED')
