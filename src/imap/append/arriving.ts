/**
 * Messages that a command brings, on their way into a mailbox: each goes past the structure parser into a stager
 * while it arrives, and all wait for the one commit that makes them visible (RFC 9051 §6.3.12, RFC 3502).
 *
 * Memory is the same for every size. What cannot be taken is refused before the client is asked for it; whoever
 * does not commit must `abort`.
 */
import type { Stager } from '#blob/store.ts'
import { isAscii } from 'node:buffer'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import { assertRoom, type MailLimits, type MailUsage } from '#mail/limits.ts'
import { quotaUsage } from '#mail/mailbox.ts'
import { type PreparedMessage, prepareMessage } from '#mail/prepare.ts'
import { type FlagRights, mayChange } from '#mail/rights.ts'
import { StructureParser } from '#message/mime.ts'
import { capabilities } from '../session/capabilities.ts'
import { type CatenateParts, readCatenate } from './catenate.ts'
import { Refusal } from '../errors.ts'
import { type GivenFlags, readFlags } from '../wire/flag-names.ts'
import type { Arguments } from '../wire/grammar.ts'
import { saveLimit, tooMany } from '../session/message-limit.ts'
import { parseMessageUrl, readMessageUrl } from '../url/message-url.ts'
import type { LiteralMark, Stretch } from '../wire/reader.ts'
import type { ImapSession } from '../session/session.ts'

/** What stands before a message. */
export interface MessageHead {
  readonly flags: GivenFlags
  /** INTERNALDATE in milliseconds; undefined for now. */
  readonly date: number | undefined
}

export interface Arrived {
  readonly message: PreparedMessage
  readonly flags: GivenFlags
}

const noPrefix = new Uint8Array(0)
/** What the messages of one command that wait in memory may take. */
const maxWaitingBytes = 8 << 20
/** How much of a bad URL is told. */
const maxToldUrl = 1000

/** `SP [flag-list SP] [date-time SP]` (RFC 3502, append-message). */
export function readHead({ args, mark }: Stretch): MessageHead {
  args.sp()
  const flags = readFlags(args.peek() === 0x28 ? flagsAndSpace(args) : [])
  let date: number | undefined
  if (args.peek() === 0x22) {
    date = args.dateTime()
    args.sp()
  }
  if (args.atEnd && mark === undefined) args.fail('expected a literal')
  return { flags, date }
}

function flagsAndSpace(args: Arguments): readonly string[] {
  const flags = args.flagList()
  args.sp()
  return flags
}

export class Arriving {
  readonly #session: ImapSession
  readonly #used: MailUsage
  readonly #limits: MailLimits
  readonly #stagers: Stager[] = []
  #bytes = 0
  #waitingBytes = 0
  /** In their order. */
  readonly messages: Arrived[] = []

  private constructor(session: ImapSession, used: MailUsage, limits: MailLimits) {
    this.#session = session
    this.#used = used
    this.#limits = limits
  }

  /** For messages that come into an account, which has more room by what goes with the same commit. */
  static async into(session: ImapSession, account: AccountId, room?: MailUsage): Promise<Arriving> {
    const { db, limitsOf } = session.services
    const { usedBytes, messages } = await db.read((tx) => quotaUsage(tx, account))
    const used = {
      usedBytes: usedBytes - (room?.usedBytes ?? 0),
      messages: messages - (room?.messages ?? 0),
    }
    return new Arriving(session, used, await limitsOf(account))
  }

  /**
   * Reads the message behind its head; returns what stands behind it. Throws Fault 'tooLarge' and 'overQuota', and
   * a Refusal.
   */
  async take({ flags, date }: MessageHead, stretch: Stretch): Promise<Stretch> {
    const { blobs, clock } = this.#session.services
    this.#assertMayTake(0)
    const { maxRequestSize } = this.#session.settings
    const stager = blobs.stager({ maxBytes: maxRequestSize })
    this.#stagers.push(stager)
    const one = new ArrivingMessage(this.#session, stager, (bytes) => this.#assertMayTake(bytes))
    const { args, mark } = stretch
    // RFC 3502: a message of no bytes is an error, so that a client can cancel what it began.
    if (args.atEnd && mark?.sizeBytes === 0) throw noBytes()
    const behind = args.atEnd ? await one.text(mark!) : await readCatenate(this.#session.reader, stretch, one)
    if (one.sizeBytes === 0) throw noBytes()
    const staged = await stager.finish()
    const parsed = one.parser.end()
    const message = prepareMessage({
      staged,
      structure: parsed,
      prefix: noPrefix,
      receivedAt: date ?? clock.now(),
    })
    if (one.first8bit < parsed.root.bodyStart) this.#takeUtf8Header()
    this.messages.push({ message, flags })
    this.#bytes += staged.sizeBytes
    this.#waitingBytes += message.structure.length
    if ('bytes' in staged.record) this.#waitingBytes += staged.record.bytes.length
    return behind
  }

  /** Removes what was staged. */
  async abort(): Promise<void> {
    for (const stager of this.#stagers) await stager.abort()
  }

  /**
   * RFC 9755 §4: who has not enabled UTF8=ACCEPT may not bring such a message where that is offered, but RFC 3501
   * §6.3.11 lets it, and mail programs do. So it is offered to this client no longer.
   */
  #takeUtf8Header(): void {
    const session = this.#session
    if (session.isUtf8 || !session.offersUtf8) return
    session.offersUtf8 = false
    session.untagged(`CAPABILITY ${capabilities(session).join(' ')}`)
  }

  /** The commit asks again, exactly; this spares the client from sending what cannot be kept. */
  #assertMayTake(sizeBytes: number): void {
    const { usedBytes, messages } = this.#used
    const used = { usedBytes: usedBytes + this.#bytes, messages: messages + this.messages.length }
    assertRoom(used, sizeBytes, this.#limits)
    const most = saveLimit(this.#session.settings)
    if (this.messages.length >= most) throw tooMany(`MESSAGELIMIT ${most}`)
    if (this.#waitingBytes > maxWaitingBytes) throw new Refusal('Too many messages in one command', 'LIMIT')
  }
}

/** RFC 4314 §4: flags that the user has no right to set are left out, and that is no failure. */
export const permittedFlags = ({ keywords, deleted }: GivenFlags, may: FlagRights): GivenFlags => ({
  keywords: keywords.filter((keyword) => mayChange(may, keyword)),
  deleted: deleted && may.deleted,
})

const noBytes = (): Refusal => new Refusal('A message of no bytes is none', 'CANNOT')

/** One message, from its only literal or from the parts of CATENATE. */
class ArrivingMessage implements CatenateParts {
  readonly parser = new StructureParser()
  readonly #session: ImapSession
  readonly #stager: Stager
  readonly #assertRoom: (bytes: number) => void
  sizeBytes = 0
  /** Where the first byte that is not ASCII is. */
  first8bit = Infinity
  #pushedBytes = 0

  constructor(session: ImapSession, stager: Stager, assertRoomFor: (bytes: number) => void) {
    this.#session = session
    this.#stager = stager
    this.#assertRoom = assertRoomFor
  }

  /** Reads the whole literal and the line after it, also where staging fails on the way. */
  async text(mark: LiteralMark): Promise<Stretch> {
    const { reader } = this.#session
    this.#grow(mark.sizeBytes)
    await reader.ask(mark)
    let failure: Error | undefined
    for await (const chunk of reader.literal(mark)) {
      if (failure !== undefined) continue
      try {
        const writing = this.#push(chunk)
        if (writing !== undefined) await writing
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error))
      }
    }
    const behind = await reader.rest()
    if (failure !== undefined) throw failure
    return behind
  }

  async url(text: string): Promise<void> {
    const url = parseMessageUrl(text)
    const bytes = url && (await readMessageUrl(this.#session, url))
    if (bytes === undefined) throw new Refusal('No such message or part', badUrl(text))
    if (!('sizeBytes' in bytes)) {
      this.#grow(bytes.length)
      await this.#push(bytes)
      return
    }
    this.#grow(bytes.sizeBytes)
    for await (const piece of bytes.pieces()) await this.#push(piece)
  }

  #grow(bytes: number): void {
    const limit = this.#session.settings.maxRequestSize
    this.sizeBytes += bytes
    if (this.sizeBytes > limit) throw new Fault('tooLarge', 'Message too large', { limit })
    this.#assertRoom(this.sizeBytes)
  }

  #push(bytes: Uint8Array): Maybe<void> {
    this.parser.push(bytes)
    if (this.first8bit === Infinity && !isAscii(bytes))
      this.first8bit = this.#pushedBytes + bytes.findIndex((byte) => byte > 127)
    this.#pushedBytes += bytes.length
    return this.#stager.write(bytes)
  }
}

/** RFC 4469 §4.1, url-resp-text: what can stand in no URL anyway is encoded. */
const badUrl = (text: string): string =>
  `BADURL "${text.slice(0, maxToldUrl).replace(/[^\x21-\x7e]|["\\\]]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)}"`
