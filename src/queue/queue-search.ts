/**
 * Looks through the queue, in the order of arrival. A queue may hold 100,000 messages and more: it is read in
 * slices with other work in between, and of each message only what the question is about.
 */
import type { AccountId } from '#base/id.ts'
import { rawBytes } from '#kv/codec.ts'
import type { Db } from '#kv/db.ts'
import { u48 } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import type { ReadTx } from '#kv/tx.ts'
import {
  type QueuedMessage,
  queuedMessageTable,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
} from './tables.ts'

/** What is absent is not asked. Texts are looked for in any case. */
export interface QueueFilter {
  readonly text?: string
  readonly from?: string
  readonly to?: string
  readonly domain?: string
  readonly account?: AccountId
  readonly status?: string
  readonly dueBefore?: number
  readonly dueAfter?: number
}

const perSlice = 200
const greatest32 = 2 ** 32 - 1

/** The same rows as `queuedMessageTable`, whose values nobody needs. */
const messageKeys = globalTable({
  name: 'queued-message',
  letter: 'q',
  key: [u48<QueueId>()],
  value: rawBytes,
})

/** Every match, in slices: whoever has seen enough stops. */
export async function* searchQueue(db: Db, filter: QueueFilter): AsyncGenerator<readonly QueueId[]> {
  const matches = matcher(filter)
  let after: QueueId | undefined
  for (;;) {
    const from = after === undefined ? {} : { after: [after] as const }
    const slice = await db.read((tx) => readSlice(tx, matches, { limit: perSlice, ...from }))
    yield slice.found
    if (slice.last === undefined) return
    after = slice.last
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** How many messages wait. */
export async function countQueue(db: Db): Promise<number> {
  let count = 0
  for await (const slice of searchQueue(db, {})) count += slice.length
  return count
}

interface Matcher {
  readonly message?: (message: QueuedMessage) => boolean
  /** Any recipient will do. */
  readonly recipient?: (recipient: QueuedRecipient) => boolean
  /** Where the sender matches, no recipient need. */
  readonly either?: (message: QueuedMessage) => boolean
}

async function readSlice(
  tx: ReadTx,
  matches: Matcher,
  o: { readonly after?: readonly [QueueId]; readonly limit: number },
): Promise<{ readonly found: readonly QueueId[]; readonly last: QueueId | undefined }> {
  const { message: isMessage, recipient: isRecipient, either } = matches
  if (isMessage === undefined && isRecipient === undefined) {
    const keys = await tx.list(messageKeys, [], o)
    return { found: keys.map(([[id]]) => id), last: keys.length < o.limit ? undefined : keys.at(-1)![0][0] }
  }
  const rows = await tx.list(queuedMessageTable, [], o)
  const end = rows.at(-1)?.[0][0]
  const last = rows.length < o.limit ? undefined : end
  const wanted = rows.filter(([, message]) => isMessage?.(message) ?? true)
  if (isRecipient === undefined || end === undefined) return { found: wanted.map(([[id]]) => id), last }
  const open = new Set(wanted.map(([[id]]) => id))
  const good = new Set(
    either === undefined ? [] : wanted.filter(([, message]) => either(message)).map(([[id]]) => id),
  )
  let at = (o.after?.[0] ?? 0) as QueueId
  let n = o.after === undefined ? 0 : greatest32
  // Most messages have one recipient: the next message's first one shows that all were seen.
  const limit = o.limit + 1
  for (;;) {
    const page = await tx.list(queuedRecipientTable, [], { after: [at, n], limit })
    for (const [[id], row] of page) if (open.has(id) && !good.has(id) && isRecipient(row)) good.add(id)
    const next = page.at(-1)?.[0]
    if (next === undefined || page.length < limit || next[0] > end) break
    ;[at, n] = next
  }
  return { found: wanted.map(([[id]]) => id).filter((id) => good.has(id)), last }
}

const has = (text: string, needle: string): boolean => text.toLowerCase().includes(needle)

function matcher(filter: QueueFilter): Matcher {
  const lower = (text: string | undefined): string | undefined => text?.toLowerCase()
  const { account, dueBefore, dueAfter } = filter
  const [text, from, to, domain, status] = [
    filter.text,
    filter.from,
    filter.to,
    filter.domain,
    filter.status,
  ].map(lower)
  const asksMessage = from !== undefined || account !== undefined
  const asksRecipient = [text, to, domain, status, dueBefore, dueAfter].some((one) => one !== undefined)
  const isOther = (row: QueuedRecipient): boolean =>
    (to === undefined || has(row.address, to)) &&
    (domain === undefined || row.address.toLowerCase().endsWith(`@${domain}`)) &&
    (status === undefined || has(`${row.status ?? ''} ${row.history.at(-1)?.said ?? ''}`, status)) &&
    (dueBefore === undefined || row.dueAt < dueBefore) &&
    (dueAfter === undefined || row.dueAt >= dueAfter)
  // Where the sender has the text, the other questions remain.
  const asksOther = [to, domain, status, dueBefore, dueAfter].some((one) => one !== undefined)
  return {
    ...(asksMessage
      ? {
          message: (row) =>
            (from === undefined || has(row.from, from)) && (account === undefined || row.account === account),
        }
      : {}),
    ...(asksRecipient
      ? { recipient: (row) => (text === undefined || has(row.address, text)) && isOther(row) }
      : {}),
    ...(text !== undefined && !asksOther ? { either: (row) => has(row.from, text) } : {}),
  }
}
