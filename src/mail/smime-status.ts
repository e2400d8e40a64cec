/**
 * What is known of the S/MIME signatures of stored messages (RFC 9219 §4.1): looked at when somebody asks, and
 * remembered for a day.
 *
 * What must always hold: where what is known of a message changes, its change is in the log with it, in one commit;
 * what a signature was worth when the message came is found out once and kept. Rows are none of the account's, or
 * to find out would raise its sequence while nothing in it changes; those of messages that are gone leave at night.
 */
import type { Clock } from '#base/clock.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import { json } from '#kv/codec.ts'
import type { Db } from '#kv/db.ts'
import { u32, u48 } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import { smimeErrors } from '#mailauth/smime.ts'
import { decodeBody } from '#message/body.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { addrSpec } from '#message/address.ts'
import { parameter } from '#message/parameters.ts'
import type { Part } from '#message/structure.ts'
import { readMessageRange } from './message-bytes.ts'
import type { MessageRow } from './message-row.ts'
import { messageTable } from './tables.ts'

type SmimeStatus = 'unknown' | 'signed' | 'signed/verified' | 'signed/failed'

export interface SmimeVerdict {
  /** null: there is no signature. */
  readonly status: SmimeStatus | null
  readonly statusAtDelivery: SmimeStatus | null
  readonly errors: readonly string[] | null
  /** Milliseconds; null where there was nothing to verify. */
  readonly verifiedAt: number | null
}

export interface SmimeMessage {
  readonly id: MessageId
  readonly row: Pick<MessageRow, 'prefix' | 'blob' | 'blobBytes' | 'receivedAt'>
  readonly structure: StoredStructure
}

interface VerdictRow {
  readonly status: SmimeStatus
  readonly atDelivery: SmimeStatus
  readonly errors: readonly string[]
  readonly verifiedAt: number
}

const verdictTable = globalTable({
  name: 'smime-verdict',
  letter: 'M',
  key: [u32<AccountId>(), u48<MessageId>()],
  value: json<VerdictRow>(),
})

/** RFC 9219 §4.1: so long a result may be told again. */
const knownMs = 24 * 3_600_000
/** What is larger is not looked at: it would have to be in memory. */
const largestMessageBytes = 50_000_000

const none: SmimeVerdict = { status: null, statusAtDelivery: null, errors: null, verifiedAt: null }
const unsure: SmimeVerdict = { ...none, status: 'unknown', statusAtDelivery: 'unknown' }
const unread: SmimeVerdict = { ...none, status: 'signed', statusAtDelivery: 'signed' }

/** Where the signature of a message is, and of what. */
export type SmimeKind = { readonly kind: 'none' | 'unknown' } | SignedKind

/** Without `content`, what was signed is in the CMS object. */
interface SignedKind {
  readonly kind: 'signed'
  readonly cms: Part
  readonly content?: Part
}

const isPkcs7 = (subtype: string, what: string): boolean =>
  subtype === `pkcs7-${what}` || subtype === `x-pkcs7-${what}`

/** Only the outermost part counts: what somebody else signed and sent on says nothing of this message. */
export function smimeKind(root: Part): SmimeKind {
  const named = (name: string): string => (parameter(root.params, name)?.value ?? '').toLowerCase()
  if (root.type === 'multipart' && root.subtype === 'signed') {
    const [content, cms] = root.children
    const isOurs = isPkcs7(named('protocol').replace(/^application\//, ''), 'signature')
    if (!isOurs || content === undefined || cms === undefined || root.children.length !== 2)
      return { kind: 'unknown' }
    return { kind: 'signed', content, cms }
  }
  if (root.type !== 'application' || !isPkcs7(root.subtype, 'mime')) return { kind: 'none' }
  const type = named('smime-type')
  if (type === 'signed-data') return { kind: 'signed', cms: root }
  // RFC 8551 §3.2.2: what is encrypted may be signed inside, where only who reads it can look.
  return { kind: type === 'enveloped-data' || type === 'authenveloped-data' ? 'none' : 'unknown' }
}

export class SmimeStatuses {
  readonly #db: Db
  readonly #blobs: BlobStore
  readonly #clock: Clock
  readonly #anchors: () => readonly Uint8Array[]

  /** `anchors`: certificates in DER that are trusted. */
  constructor(o: { db: Db; blobs: BlobStore; clock: Clock; anchors: () => readonly Uint8Array[] }) {
    this.#db = o.db
    this.#blobs = o.blobs
    this.#clock = o.clock
    this.#anchors = o.anchors
  }

  /** Of some messages, in their order. */
  async of(account: AccountId, messages: readonly SmimeMessage[]): Promise<readonly SmimeVerdict[]> {
    const verdicts: SmimeVerdict[] = []
    for (const message of messages) {
      const kind = smimeKind(message.structure.parts())
      if (kind.kind !== 'signed') verdicts.push(kind.kind === 'none' ? none : unsure)
      else if (message.structure.sizeBytes > largestMessageBytes) verdicts.push(unread)
      else verdicts.push(await this.#signed(account, message, kind))
    }
    return verdicts
  }

  async #signed(account: AccountId, message: SmimeMessage, kind: SignedKind): Promise<SmimeVerdict> {
    const { id } = message
    const now = this.#clock.now()
    const known = await this.#db.read((tx) => tx.get(verdictTable, account, id))
    if (known !== undefined && now - known.verifiedAt < knownMs) return shown(known)
    const errorsAt = await this.#verifier(message, kind)
    const errors = await errorsAt(now)
    const atDelivery =
      known?.atDelivery === 'signed/verified'
        ? known.atDelivery
        : statusOf(await errorsAt(message.row.receivedAt))
    const row = { status: statusOf(errors), atDelivery, errors, verifiedAt: now }
    const isNews = known !== undefined && !sameVerdict(known, row)
    const kept = await this.#db.write(isNews ? [account] : [], async (tx) => {
      const before = await tx.get(verdictTable, account, id)
      // Somebody was quicker, and has told whoever wants to know.
      if (before !== undefined && before.verifiedAt !== known?.verifiedAt) return before
      tx.put(verdictTable, [account, id], row)
      // RFC 9219 §4.3. A message that went meanwhile is told as gone.
      if (isNews && (await tx.get(messageTable, account, id)) !== undefined)
        tx.changed(account, 'Email', id, 'updated')
      return row
    })
    return shown(kept)
  }

  async #verifier(
    { row, structure }: SmimeMessage,
    kind: SignedKind,
  ): Promise<(at: number) => Promise<readonly string[]>> {
    const bytesOf = (start: number, end: number) => readMessageRange(this.#blobs, row, start, end)
    const { cms } = kind
    const signature = decodeBody(await bytesOf(cms.bodyStart, cms.bodyEnd), cms.encoding)
    const content =
      kind.content === undefined ? undefined : await bytesOf(kind.content.headerStart, kind.content.bodyEnd)
    const from = structure.envelope.from.flatMap((one) => addrSpec(one) ?? [])
    const anchors = this.#anchors()
    return (at) => smimeErrors({ cms: signature, content, anchors, at: new Date(at), from })
  }
}

const statusOf = (errors: readonly string[]): SmimeStatus =>
  errors.length === 0 ? 'signed/verified' : 'signed/failed'

const shown = ({ status, atDelivery, errors, verifiedAt }: VerdictRow): SmimeVerdict => ({
  status,
  statusAtDelivery: atDelivery,
  errors: errors.length === 0 ? null : errors,
  verifiedAt,
})

const sameVerdict = (a: VerdictRow, b: VerdictRow): boolean =>
  a.status === b.status && a.atDelivery === b.atDelivery && a.errors.join('\n') === b.errors.join('\n')

const perPage = 500

/** Removes what is known of messages that are gone; `isAccount` is false for an account that is gone itself. */
export async function dropOldVerdicts(db: Db, account: AccountId, signal: AbortSignal): Promise<void> {
  for (let after: readonly [AccountId, MessageId] | undefined; ;) {
    signal.throwIfAborted()
    const from = after
    const gone = await db.read(async (tx) => {
      const page = await tx.list(verdictTable, [account], {
        limit: perPage,
        ...(from === undefined ? {} : { after: from }),
      })
      after = page.length < perPage ? undefined : page.at(-1)![0]
      const keys = page.map(([key]) => key)
      const rows = await tx.getMany(messageTable, keys)
      return keys.filter((_, i) => rows[i] === undefined)
    })
    if (gone.length > 0)
      await db.write([], async (tx) => {
        for (const key of gone) tx.delete(verdictTable, key)
      })
    if (after === undefined) return
  }
}
