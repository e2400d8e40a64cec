/** For the checks of a store: rows that are planted in it, and what is found. Each test names what it planted. */
import { anyRowTable } from '#kv/check.ts'
import { keyText } from '#kv/key.ts'
import type { Table } from '#kv/table.ts'
import type { TestStore } from '../../../test/harness/store.ts'
import { type CheckedStore, checkStore } from './check.ts'

export const now = Date.UTC(2026, 0, 1)

export async function check(
  store: TestStore,
  o: { repair?: boolean; isQuick?: boolean } = {},
): Promise<CheckedStore> {
  // As the command does, with handles that have read nothing before: they remember where blobs are.
  await using handles = store.another()
  return await checkStore(handles, store.directory, {
    repair: o.repair ?? false,
    isQuick: o.isQuick ?? false,
    now,
    progress: () => {},
  })
}

export const names = ({ report }: CheckedStore): readonly string[] =>
  report.tallies.filter(({ kind, left }) => left > 0 && kind.isNote !== true).map(({ kind }) => kind.name)

export type Row = readonly [key: Uint8Array, value: Uint8Array | undefined]
export type Plant = (store: TestStore) => Promise<readonly Row[]>

export const put = <K extends readonly unknown[], V>(table: Table<K, V>, key: K, value: V): Row => [
  table.key(...key),
  table.value.encode(value),
]
export const drop = <K extends readonly unknown[], V>(table: Table<K, V>, ...key: K): Row => [
  table.key(...key),
  undefined,
]
export const garbage = <K extends readonly unknown[], V>(table: Table<K, V>, ...key: K): Row => [
  table.key(...key),
  Buffer.from([0xff, 0xff, 0xff]),
]

export async function plant({ engine }: TestStore, rows: readonly Row[]): Promise<void> {
  await engine.commit({
    checks: [],
    blobs: [],
    puts: rows.flatMap(([key, value]) => (value === undefined ? [] : [{ key: keyText(key), value }])),
    deletes: rows.filter(([, value]) => value === undefined).map(([key]) => keyText(key)),
  })
}

/** Nothing but what a new store has; ids begin anew. */
export async function empty(store: TestStore): Promise<void> {
  for (const prefix of ['A', 'G']) {
    const rows = await store.db.read((tx) => tx.list(anyRowTable, [Buffer.from(prefix)]))
    await plant(
      store,
      rows.map(([[key]]) => [key, undefined] as const),
    )
  }
}
