/**
 * Reports that came in, day by day. What must hold: there are so many of one day at most, whoever sends them, and
 * after the time that administrators want them kept they go.
 */
import type { Db } from '#kv/db.ts'
import type { Table } from '#kv/table.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { ReceivedKey, ReceivedReport } from './tables.ts'

export type ReceivedTable<R> = Table<ReceivedKey, ReceivedReport<R>>

const dayMs = 86_400_000
const mostOfDay = 20_000
const perDay = 100_000

const dayOf = (ms: number): number => Math.floor(ms / dayMs)

/** `letter`: so that no two reports of whatever kind are called the same. */
export const receivedId = (letter: string, [day, n]: ReceivedKey): string =>
  letter + (day * perDay + n).toString(36)

export function receivedKey(letter: string, id: string): ReceivedKey | undefined {
  const isOne = /^[a-z][0-9a-z]{1,8}$/.test(id) && id.startsWith(letter)
  const number = isOne ? Number.parseInt(id.slice(1), 36) : NaN
  const [day, n] = [Math.floor(number / perDay), number % perDay]
  // NaN is no number below anything.
  return day < 2 ** 32 ? [day, n] : undefined
}

/** Keeps a report as one of today; false where there are too many. May run again. */
export async function putReceived<R>(
  tx: WriteTx,
  table: ReceivedTable<R>,
  report: ReceivedReport<R>,
  nowMs: number,
): Promise<boolean> {
  const day = dayOf(nowMs)
  const [last] = await tx.list(table, [day], { limit: 1, reverse: true })
  const n = last === undefined ? 0 : last[0][1] + 1
  if (n >= mostOfDay) return false
  // Whoever takes the same one at the same time is a conflict, and looks again.
  await tx.get(table, day, n)
  tx.put(table, [day, n], report)
  return true
}

/** Removes some that came before a day; false where there were none. */
export async function trimReceived<R>(
  tx: WriteTx,
  table: ReceivedTable<R>,
  beforeMs: number,
  limit: number,
): Promise<boolean> {
  const old = (await tx.list(table, [], { limit })).filter(([[day]]) => day < dayOf(beforeMs))
  for (const [key] of old) tx.delete(table, key)
  return old.length > 0
}

const perSlice = 200

/** The newest first, in slices with other work in between. */
export async function* newestFirst<V>(
  db: Pick<Db, 'read'>,
  table: Table<ReceivedKey, V>,
): AsyncGenerator<readonly [ReceivedKey, V]> {
  for (let after: ReceivedKey | undefined; ;) {
    const from = after === undefined ? {} : { after }
    const slice = await db.read((tx) => tx.list(table, [], { limit: perSlice, reverse: true, ...from }))
    yield* slice
    if (slice.length < perSlice) return
    after = slice.at(-1)![0]
    await new Promise((resolve) => setImmediate(resolve))
  }
}
