/**
 * The log of mailboxes that are shared, or were once: what came into each and what left it, as JMAP sees messages, and
 * who had which rights before these became others. It tells what somebody who sees only some mailboxes of an account
 * saw at an earlier commit; the change log tells what became of messages, and not where they lie.
 *
 * What must always hold: a message that came and left by one number, or the other way round, is not told of. Cut
 * together with the change log.
 */
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import { logFloorTable } from './change-log.ts'
import { u32, u48 } from './key.ts'
import { accountTable, type Codec } from './table.ts'
import type { ReadTx, WriteTx } from './tx.ts'

/** Messages, each with its thread. */
type Passing = ReadonlyMap<number, number>

export interface SharedLogRow {
  readonly came: Passing
  readonly left: Passing
  /** What was said of rights before they were changed, in a form of those who write it; empty: they were not. */
  readonly rightsBefore: Uint8Array
}

const sharedLogRow: Codec<SharedLogRow> = {
  encode({ came, left, rightsBefore }) {
    const out = new PackWriter(16 + 6 * (came.size + left.size) + rightsBefore.length)
    for (const passing of [came, left]) {
      const ascending = [...passing].sort(([a], [b]) => a - b)
      out.ascending(ascending.map(([message]) => message))
      for (const [, thread] of ascending) out.uint(thread)
    }
    return out.bytes(rightsBefore).done()
  },
  decode(bytes) {
    const from = new PackReader(bytes)
    const passing = (): Passing => new Map(from.ascending().map((message) => [message, from.uint()]))
    return { came: passing(), left: passing(), rightsBefore: from.bytes() }
  },
}

export const sharedLogTable = accountTable({
  name: 'shared-log',
  letter: 'h',
  key: [u32<MailboxId>(), u48<Modseq>()],
  value: sharedLogRow,
})

const nothing: SharedLogRow = { came: new Map(), left: new Map(), rightsBefore: new Uint8Array(0) }

/** Adds to what the same writer has told of the mailbox already. */
export async function logShared(
  tx: WriteTx,
  account: AccountId,
  mailbox: MailboxId,
  more: Partial<SharedLogRow>,
): Promise<void> {
  const key = [account, mailbox, tx.modseq(account)] as const
  const before = (await tx.get(sharedLogTable, ...key)) ?? nothing
  const came = new Map(before.came)
  const left = new Map(before.left)
  for (const [message, thread] of more.came ?? []) if (!left.delete(message)) came.set(message, thread)
  for (const [message, thread] of more.left ?? []) if (!came.delete(message)) left.set(message, thread)
  const rightsBefore = before.rightsBefore.length > 0 ? before.rightsBefore : more.rightsBefore
  tx.put(sharedLogTable, key, { came, left, rightsBefore: rightsBefore ?? nothing.rightsBefore })
}

/** What happened in a mailbox after `from`, oldest first. */
export async function sharedSince(
  tx: Pick<ReadTx, 'get' | 'list'>,
  account: AccountId,
  mailbox: MailboxId,
  from: Modseq,
): Promise<readonly (readonly [Modseq, SharedLogRow])[] | 'tooOld'> {
  if (from < ((await tx.get(logFloorTable, account)) ?? 0)) return 'tooOld'
  const rows = await tx.list(sharedLogTable, [account, mailbox], { after: [account, mailbox, from] })
  return rows.map(([[, , modseq], row]) => [modseq, row] as const)
}
