/**
 * The check of a store: what a finding is, how it is counted, and how it is repaired.
 *
 * The folders that own rows describe what is wrong as `Trouble`, each with the change that puts it right where
 * that can be derived. What must always hold: nothing is written without repair; a repair is an ordinary
 * commit, so that clients learn of it; what counts as repaired was looked at again afterwards; memory does not
 * grow with the number of findings. Rows are read as bytes, since one that cannot be decoded is a finding.
 */
import { equalBytes } from '#base/bytes.ts'
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import type { KvEngine, KvRow } from './backend.ts'
import { rawBytes } from './codec.ts'
import type { Db } from './db.ts'
import { raiseSequence } from './raise-sequence.ts'
import type { Table } from './table.ts'
import type { ReadTx, WriteTx } from './tx.ts'

export interface FindingKind {
  /** Stable, for programs. */
  readonly name: string
  /** What it means for the people whose mail it is. A sentence. */
  readonly means: string
  /** What `--repair` does about it. A sentence; absent where nothing can be derived. */
  readonly repair?: string
  /** Not damage: does not make a check fail. */
  readonly isNote?: true
}

export interface Trouble {
  readonly kind: FindingKind
  /** Which object, and what about it. */
  readonly what: string
  /** Reads again what it changes: other fixes may have come before it. */
  readonly fix?: (tx: WriteTx) => Promise<void> | void
  /** The account's sequence must be this at least before anything else is written. */
  readonly sequence?: number
}

export type Found = (trouble: Trouble) => void

/** A part of the store that is looked at, repaired and looked at again as a whole. */
export interface CheckUnit {
  readonly account?: AccountId
  check(found: Found): Promise<void>
  repair(): Promise<void>
}

interface Instance {
  readonly account: AccountId | undefined
  readonly what: string
  readonly isRepaired: boolean
}

/** All findings of one kind. */
export interface Tally {
  readonly kind: FindingKind
  repaired: number
  left: number
  /** The first ones. */
  readonly instances: Instance[]
}

const maxInstances = 200
/** A repair may uncover what lay below. */
const maxRounds = 6
const fixesPerCommit = 64

class Counted {
  readonly kinds = new Map<FindingKind, { count: number; readonly samples: Set<string> }>()

  readonly found: Found = ({ kind, what }) => {
    let entry = this.kinds.get(kind)
    if (entry === undefined) this.kinds.set(kind, (entry = { count: 0, samples: new Set() }))
    entry.count++
    if (entry.samples.size < maxInstances) entry.samples.add(what)
  }

  get canRepair(): boolean {
    return this.kinds.keys().some((kind) => kind.repair !== undefined)
  }

  isAs(other: Counted): boolean {
    return (
      this.kinds.size === other.kinds.size &&
      this.kinds.entries().every(([kind, { count }]) => other.kinds.get(kind)?.count === count)
    )
  }
}

export class CheckReport {
  readonly #tallies = new Map<FindingKind, Tally>()

  get tallies(): readonly Tally[] {
    return [...this.#tallies.values()]
  }

  /** Findings that are not notes and were not repaired. */
  get left(): number {
    return this.tallies.reduce((sum, { kind, left }) => sum + (kind.isNote === true ? 0 : left), 0)
  }

  get repaired(): number {
    return this.tallies.reduce((sum, { repaired }) => sum + repaired, 0)
  }

  /** Checks a unit and, with `repair`, repairs it until nothing is left that can be. */
  async run(unit: CheckUnit, o: { repair: boolean }): Promise<void> {
    const before = await this.#look(unit)
    let now = before
    for (let round = 0; o.repair && now.canRepair && round < maxRounds; round++) {
      await unit.repair()
      const after = await this.#look(unit)
      const isStuck = after.isAs(now)
      now = after
      if (isStuck) break
    }
    for (const kind of new Set([...before.kinds.keys(), ...now.kinds.keys()])) {
      this.#enter(unit.account, kind, before, now)
    }
  }

  async #look(unit: CheckUnit): Promise<Counted> {
    const counted = new Counted()
    await unit.check(counted.found)
    return counted
  }

  #enter(account: AccountId | undefined, kind: FindingKind, before: Counted, now: Counted): void {
    let tally = this.#tallies.get(kind)
    if (tally === undefined) this.#tallies.set(kind, (tally = { kind, repaired: 0, left: 0, instances: [] }))
    const first = before.kinds.get(kind)
    const last = now.kinds.get(kind)
    // A note is not repaired; that it was not seen again says nothing.
    const left = kind.isNote === true ? (first?.count ?? 0) : (last?.count ?? 0)
    tally.left += left
    tally.repaired += Math.max(0, (first?.count ?? 0) - left)
    for (const what of new Set([...(last?.samples ?? []), ...(first?.samples ?? [])])) {
      if (tally.instances.length === maxInstances) break
      tally.instances.push({
        account,
        what,
        isRepaired: kind.isNote !== true && last?.samples.has(what) !== true,
      })
    }
  }
}

/** Where rows are checked that need bytes. */
export interface BlobScan {
  readonly db: Db
  readonly engine: KvEngine
  /** Writes anew where bytes are that nothing leads to, as far as they are found. */
  readonly findBlobs: (hashes: ReadonlySet<BlobHash>) => Promise<unknown>
}

/** A unit that looks for bytes before it repairs: for those whose hashes `troubles` has noted as missing. */
export function unitThatMisses(
  o: BlobScan,
  troubles: (missing: Set<BlobHash>) => AsyncIterable<Trouble>,
): CheckUnit {
  const missing = new Set<BlobHash>()
  const unit = unitOf(o, () => troubles(missing))
  return {
    check(found) {
      missing.clear()
      return unit.check(found)
    },
    async repair() {
      await o.findBlobs(missing)
      await unit.repair()
    },
  }
}

/** A unit whose troubles bring their own fixes. `account` is locked by all of them, absent for global rows. */
export function unitOf(
  o: { db: Db; engine: KvEngine; account?: AccountId },
  troubles: () => AsyncIterable<Trouble>,
): CheckUnit {
  return {
    ...(o.account === undefined ? {} : { account: o.account }),
    async check(found) {
      for await (const trouble of troubles()) found(trouble)
    },
    async repair() {
      let fixes: Fix[] = []
      for await (const { fix, sequence } of troubles()) {
        if (sequence !== undefined && o.account !== undefined)
          await raiseSequence(o.engine, o.account, sequence)
        if (fix !== undefined) fixes.push(fix)
        if (fixes.length < fixesPerCommit) continue
        await applyFixes(o, fixes)
        fixes = []
      }
      await applyFixes(o, fixes)
    },
  }
}

type Fix = NonNullable<Trouble['fix']>

/** In one commit; where a fix trips over damage that is still there, each in one of its own. */
async function applyFixes(o: { db: Db; account?: AccountId }, fixes: readonly Fix[]): Promise<void> {
  if (fixes.length === 0) return
  const accounts = o.account === undefined ? [] : [o.account]
  try {
    await o.db.write(accounts, async (tx) => {
      for (const fix of fixes) await fix(tx)
    })
  } catch (error) {
    if (!(error instanceof SyntaxFault) && (!isFault(error) || isFault(error, 'unavailable'))) throw error
    // The next round finds it again if it is still wrong.
    if (fixes.length > 1) for (const fix of fixes) await applyFixes(o, [fix])
  }
}

/** Any row as bytes. A prefix is the beginning of a physical key. */
export const anyRowTable: Table<readonly [Uint8Array], Uint8Array> = {
  name: 'any-row',
  ofAccount: false,
  value: rawBytes,
  key: (key) => key,
  prefix: (prefix) => prefix as Uint8Array,
  elements: (key) => [key],
}

/** All rows whose key begins so, page by page, each page from a snapshot of its own. */
export async function* rowPages(db: Db, prefix: Uint8Array, limit = 1000): AsyncGenerator<readonly KvRow[]> {
  let after: Uint8Array | undefined
  for (;;) {
    const from = after
    const rows = await db.read((tx) =>
      tx.list(anyRowTable, [prefix], { limit, ...(from === undefined ? {} : { after: [from] as const }) }),
    )
    if (rows.length > 0) yield rows.map(([[key], value]) => [key, value] as const)
    if (rows.length < limit) return
    after = rows.at(-1)![0][0]
  }
}

/** The last row whose key begins so. */
export async function lastRow(db: Db, prefix: Uint8Array): Promise<KvRow | undefined> {
  const [row] = await db.read((tx) => tx.list(anyRowTable, [prefix], { reverse: true, limit: 1 }))
  return row === undefined ? undefined : [row[0][0], row[1]]
}

/** A row of a table. `value` is undefined where it cannot be read. */
export interface OpenedRow<K, V> {
  readonly elements: K
  readonly value: V | undefined
}

/** The row as this table has it; undefined where the key is not one of the table's. */
export function openRow<K extends readonly unknown[], V>(
  table: Table<K, V>,
  [key, bytes]: KvRow,
): OpenedRow<K, V> | undefined {
  try {
    const elements = table.elements(key)
    if (elements === undefined || !equalBytes(table.key(...elements), key)) return undefined
    return { elements, value: decoded(table, bytes) }
  } catch {
    return undefined
  }
}

/** The values of rows; `damaged` for those that are there and cannot be read. */
export async function getRows<K extends readonly unknown[], V>(
  tx: ReadTx,
  table: Table<K, V>,
  keys: readonly K[],
): Promise<readonly (V | 'damaged' | undefined)[]> {
  const all = await tx.getMany(
    anyRowTable,
    keys.map((key) => [table.key(...key)] as const),
  )
  return all.map((bytes) => (bytes === undefined ? undefined : (decoded(table, bytes) ?? 'damaged')))
}

export async function getRow<K extends readonly unknown[], V>(
  tx: ReadTx,
  table: Table<K, V>,
  ...key: K
): Promise<V | 'damaged' | undefined> {
  return (await getRows(tx, table, [key]))[0]
}

function decoded<K extends readonly unknown[], V>(table: Table<K, V>, bytes: Uint8Array): V | undefined {
  try {
    return table.value.decode(bytes)
  } catch {
    return undefined
  }
}

/** For messages to people: physical keys that make no sense. */
export const keyInHex = (key: Uint8Array): string => Buffer.from(key).toString('hex')
