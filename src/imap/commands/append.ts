/**
 * APPEND: one or more messages come into a mailbox with one commit, and what fails leaves nothing behind
 * (RFC 9051 §6.3.12, RFC 3502).
 */
import { type Ingested, ingest } from '#mail/ingest.ts'
import { flagRights } from '#mail/rights.ts'
import { Arriving, type Arrived, type MessageHead, permittedFlags, readHead } from '../append/arriving.ts'
import { command, type Completion } from '../session/command.ts'
import { listedAs, otherName, writeListed } from '../mailbox/list-response.ts'
import { type MailboxRef, placeOf, tellsUids } from '../namespace/mailbox-ref.ts'
import type { CommandReader, Stretch } from '../wire/reader.ts'
import { formatSet } from '../wire/sequence-set.ts'
import type { ImapSession } from '../session/session.ts'
import { signedIn } from '../session/session-state.ts'

interface AppendArguments {
  readonly name: Uint8Array
  /** Of the first message. */
  readonly head: MessageHead
  readonly stretch: Stretch
}

export const append = command<AppendArguments>({
  name: 'APPEND',
  states: signedIn,
  standard: 'RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 3516 §4.4',
  parse: readArguments,
  async run(session, args) {
    // Before the client is asked for a message: it need not send what cannot be taken.
    const ref = await session.open(args.name, 'i')
    const arriving = await Arriving.into(session, ref.account)
    try {
      let behind = await arriving.take(args.head, args.stretch)
      while (!behind.args.atEnd || behind.mark !== undefined)
        behind = await arriving.take(readHead(behind), behind)
      const oldName = otherName(session, args.name, ref.path)
      if (oldName !== undefined) writeListed(session, 'LIST', await listedAs(session, ref, oldName))
      return await keep(session, ref, arriving.messages)
    } catch (error) {
      await arriving.abort()
      throw error
    }
  },
})

/** The mailbox's name may be a literal too: then nothing but the space stands before it. */
async function readArguments(reader: CommandReader): Promise<AppendArguments> {
  const stretch = await reader.argumentsUntil((before) => before.end - before.at > 1)
  stretch.args.sp()
  const name = stretch.args.astring()
  return { name, head: readHead(stretch), stretch }
}

async function keep(
  session: ImapSession,
  ref: MailboxRef,
  messages: readonly Arrived[],
): Promise<Completion> {
  const { services } = session
  const { account, mailbox } = placeOf(ref)
  const limits = await services.limitsOf(account)
  const savedAt = services.clock.now()
  const kept = await session.mailboxes.write([ref], async (tx, [rights]) => {
    const may = flagRights(rights!)
    const all: Ingested[] = []
    for (const { message, flags } of messages)
      all.push(
        await ingest(tx, account, message, { mailbox, ...permittedFlags(flags, may), savedAt, limits }),
      )
    return all
  })
  session.made(
    ref,
    kept.map(({ uid }) => uid),
  )
  if (!tellsUids(ref)) return {}
  return { code: `APPENDUID ${kept[0]!.uidValidity} ${formatSet(kept.map(({ uid }) => uid))}` }
}
