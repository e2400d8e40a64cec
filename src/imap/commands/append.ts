/**
 * APPEND: a message goes past the structure parser into the stager while it arrives, and becomes visible with
 * one commit. Memory is the same for every size; what fails leaves nothing behind (RFC 9051 §6.3.12).
 */
import { Fault } from '#base/fault.ts'
import { type Ingested, ingest } from '#mail/ingest.ts'
import { prepareMessage } from '#mail/prepare.ts'
import { flagRights, type FlagRights, mayChange } from '#mail/rights.ts'
import { StructureParser } from '#message/mime.ts'
import type { Stager } from '#blob/store.ts'
import { command, type Completion } from '../command.ts'
import { signedIn } from '../session-state.ts'
import { Refusal } from '../errors.ts'
import { type GivenFlags, readFlags } from '../flag-names.ts'
import type { Arguments } from '../grammar.ts'
import { type MailboxRef, placeOf, tellsUids } from '../mailbox-ref.ts'
import type { CommandReader, LiteralMark } from '../reader.ts'
import type { ImapSession } from '../session.ts'

interface AppendArguments {
  readonly name: Uint8Array
  readonly flags: GivenFlags
  /** INTERNALDATE in milliseconds; undefined for now. */
  readonly date: number | undefined
  readonly mark: LiteralMark
}

const noPrefix = new Uint8Array(0)

export const append = command<AppendArguments>({
  name: 'APPEND',
  states: signedIn,
  standard: 'RFC 9051 §6.3.12, RFC 3516 §4.4',
  parse: readArguments,
  async run(session, args) {
    const { settings, reader } = session
    // Before the client is asked for the message: it need not send what cannot be taken.
    const ref = await session.open(args.name, 'i')
    if (args.mark.sizeBytes > settings.maxRequestSize) throw tooLarge(settings.maxRequestSize)
    if (args.mark.sizeBytes === 0) throw new Refusal('A message of no bytes is none', 'CANNOT')
    await reader.ask(args.mark)
    const stager = session.services.blobs.stager({ maxBytes: settings.maxRequestSize })
    try {
      return await take(session, args, ref, stager)
    } catch (error) {
      await stager.abort()
      throw error
    }
  },
})

/** The mailbox's name may be a literal too: then nothing but the space stands before it. */
async function readArguments(reader: CommandReader): Promise<AppendArguments> {
  const { before: args, mark } = await reader.argumentsUntil((before) => before.end - before.at > 1)
  args.sp()
  const name = args.astring()
  args.sp()
  const flags = readFlags(args.peek() === 0x28 ? flagsAndSpace(args) : [])
  let date: number | undefined
  if (args.peek() === 0x22) {
    date = args.dateTime()
    args.sp()
  }
  if (mark === undefined) return args.fail('expected a literal')
  args.done()
  return { name, flags, date, mark }
}

function flagsAndSpace(args: Arguments): readonly string[] {
  const flags = args.flagList()
  args.sp()
  return flags
}

async function take(
  session: ImapSession,
  { mark, date, flags }: AppendArguments,
  ref: MailboxRef,
  stager: Stager,
): Promise<Completion> {
  const { services } = session
  const { account, mailbox } = placeOf(ref)
  const parser = new StructureParser()
  await receive(session.reader, mark, parser, stager)
  const staged = await stager.finish()
  const message = prepareMessage({
    staged,
    structure: parser.end(),
    prefix: noPrefix,
    receivedAt: date ?? services.clock.now(),
  })
  const limits = await services.limitsOf(account)
  const savedAt = services.clock.now()
  const { uid, uidValidity }: Ingested = await session.mailboxes.write([ref], (tx, [rights]) =>
    ingest(tx, account, message, { mailbox, ...permitted(flags, flagRights(rights!)), savedAt, limits }),
  )
  return tellsUids(ref) ? { code: `APPENDUID ${uidValidity} ${uid}` } : {}
}

/** RFC 4314 §4: flags that the user has no right to set are left out, and that is no failure. */
const permitted = ({ keywords, deleted }: GivenFlags, may: FlagRights): GivenFlags => ({
  keywords: keywords.filter((keyword) => mayChange(may, keyword)),
  deleted: deleted && may.deleted,
})

/** Reads the whole literal and the end of its command, also where staging fails on the way. */
async function receive(
  reader: CommandReader,
  mark: LiteralMark,
  parser: StructureParser,
  stager: Stager,
): Promise<void> {
  let failure: Error | undefined
  for await (const chunk of reader.literal(mark)) {
    if (failure !== undefined) continue
    try {
      parser.push(chunk)
      const writing = stager.write(chunk)
      if (writing !== undefined) await writing
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
    }
  }
  const rest = await reader.rest()
  if (failure !== undefined) throw failure
  rest.done()
}

const tooLarge = (limit: number): Fault => new Fault('tooLarge', 'Message too large', { limit })
