/**
 * Looks through the queue, in the order of arrival. A queue may hold 100,000 messages and more: it is read in
 * slices with other work in between, and what cannot match by its bytes is not even parsed.
 */
import { asBuffer } from '#base/bytes.ts'
import type { AccountId } from '#base/id.ts'
import { rawBytes } from '#kv/codec.ts'
import type { Db } from '#kv/db.ts'
import { u32, u48 } from '#kv/key.ts'
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

/** Messages of a slice: no more than takes a moment. */
const perSlice = 100
/** Where only keys are read. */
const keysPerSlice = 500
const greatest32 = 2 ** 32 - 1

/** The same rows as of the tables in `tables.ts`, whose values are looked at before they are parsed, or not at all. */
const rawMessages = globalTable({
  name: 'queued-message',
  letter: 'q',
  key: [u48<QueueId>()],
  value: rawBytes,
})
const rawRecipients = globalTable({
  name: 'queued-recipient',
  letter: 'y',
  key: [u48<QueueId>(), u32()],
  value: rawBytes,
})

/** Every match, in slices: whoever has seen enough stops. */
export async function* searchQueue(db: Db, filter: QueueFilter): AsyncGenerator<readonly QueueId[]> {
  const matcher = matcherOf(filter)
  let after: QueueId | undefined
  for (;;) {
    const from = after === undefined ? {} : { after: [after] as const }
    const slice = await db.read((tx) => readSlice(tx, matcher, from))
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

type Test = (bytes: Uint8Array) => boolean

interface Matcher {
  /** What the message has to be; absent: anything. */
  readonly message?: Test
  /** What one of its recipients has to be. */
  readonly recipient?: Test
  /** Where the message is this, its recipients need not be anything. */
  readonly either?: Test
}

interface Slice {
  readonly found: readonly QueueId[]
  /** Undefined where there are no more. */
  readonly last: QueueId | undefined
}

async function readSlice(
  tx: ReadTx,
  { message: isMessage, recipient: isRecipient, either }: Matcher,
  from: { readonly after?: readonly [QueueId] },
): Promise<Slice> {
  const limit = isMessage === undefined && isRecipient === undefined ? keysPerSlice : perSlice
  const rows = await tx.list(rawMessages, [], { ...from, limit })
  const end = rows.at(-1)?.[0][0]
  const last = rows.length < limit ? undefined : end
  const wanted = isMessage === undefined ? rows : rows.filter(([, bytes]) => isMessage(bytes))
  const ids = wanted.map(([[id]]) => id)
  if (isRecipient === undefined || end === undefined) return { found: ids, last }
  const good = new Set(
    either === undefined ? [] : wanted.filter(([, bytes]) => either(bytes)).map(([[id]]) => id),
  )
  const open = new Set(ids.filter((id) => !good.has(id)))
  if (open.size > 0) await addByRecipient(tx, { open, good, isRecipient, from, end })
  return { found: ids.filter((id) => good.has(id)), last }
}

/** Moves from `open` to `good` the messages one of whose recipients matches. */
async function addByRecipient(
  tx: ReadTx,
  o: {
    readonly open: Set<QueueId>
    readonly good: Set<QueueId>
    readonly isRecipient: Test
    readonly from: { readonly after?: readonly [QueueId] }
    readonly end: QueueId
  },
): Promise<void> {
  const { open, good, isRecipient, from, end } = o
  let after: readonly [QueueId, number] =
    from.after === undefined ? [0 as QueueId, 0] : [from.after[0], greatest32]
  // Most messages have one recipient: the next message's first one shows that all were seen.
  const limit = perSlice + 1
  for (;;) {
    const page = await tx.list(rawRecipients, [], { after, limit })
    for (const [[id], bytes] of page) {
      if (!open.has(id) || !isRecipient(bytes)) continue
      open.delete(id)
      good.add(id)
    }
    const next = page.at(-1)?.[0]
    if (next === undefined || page.length < limit || next[0] > end || open.size === 0) return
    after = next
  }
}

const has = (text: string, needle: string): boolean => text.toLowerCase().includes(needle)

function matcherOf(filter: QueueFilter): Matcher {
  const lower = (text: string | undefined): string | undefined => text?.toLowerCase()
  const { account, dueBefore, dueAfter } = filter
  const [text, from, to, domain, status] = [
    filter.text,
    filter.from,
    filter.to,
    filter.domain,
    filter.status,
  ].map(lower)
  const isOther = (row: QueuedRecipient): boolean =>
    (to === undefined || has(row.address, to)) &&
    (domain === undefined || row.address.toLowerCase().endsWith(`@${domain}`)) &&
    (status === undefined || has(`${row.status ?? ''} ${row.history.at(-1)?.said ?? ''}`, status)) &&
    (dueBefore === undefined || row.dueAt < dueBefore) &&
    (dueAfter === undefined || row.dueAt >= dueAfter)
  // Where the sender has the text, the other questions remain.
  const asksOther = [to, domain, status, dueBefore, dueAfter].some((one) => one !== undefined)
  const message = ofMessage(
    [from],
    (row) =>
      (from === undefined || has(row.from, from)) && (account === undefined || row.account === account),
  )
  // What was said is two texts with a space in between.
  const said = status?.includes(' ') === true ? undefined : status
  const recipient = ofRecipient(
    [text, to, domain, said],
    (row) => (text === undefined || has(row.address, text)) && isOther(row),
  )
  return {
    ...(from === undefined && account === undefined ? {} : { message }),
    ...(text === undefined && !asksOther ? {} : { recipient }),
    ...(text === undefined || asksOther ? {} : { either: ofMessage([text], (row) => has(row.from, text)) }),
  }
}

/** Rows that have all of `needles` in them and are as asked. */
const ofMessage = (needles: readonly (string | undefined)[], is: (row: QueuedMessage) => boolean): Test => {
  const may = mayHave(needles)
  return (bytes) => may(bytes) && is(queuedMessageTable.value.decode(bytes))
}

const ofRecipient = (
  needles: readonly (string | undefined)[],
  is: (row: QueuedRecipient) => boolean,
): Test => {
  const may = mayHave(needles)
  return (bytes) => may(bytes) && is(queuedRecipientTable.value.decode(bytes))
}

/**
 * Whether texts can stand in a row's JSON at all: parsing takes five times as long. Only for texts that JSON
 * writes as they are; a row with more than ASCII may have letters that are ASCII in lower case only.
 */
function mayHave(texts: readonly (string | undefined)[]): Test {
  const plain = texts.filter((text) => text !== undefined && isPlain(text)) as readonly string[]
  if (plain.length === 0) return () => true
  return (bytes) => {
    const row = asBuffer(bytes).toString('latin1').toLowerCase()
    return plain.every((text) => row.includes(text)) || beyondAscii.test(row)
  }
}

const isPlain = (text: string): boolean => /^[ !#-[\]-~]+$/.test(text)
const beyondAscii = /[^\x00-\x7f]/
