/**
 * The check of a whole store, while no server runs on it: opens it as the server does, so that what a crash
 * left is recovered first, then looks at tasks and leases, accounts, blobs, the queue and the mail of one account after the
 * other.
 *
 * Blobs come before mail, since mail asks where bytes are; links that nobody owns come last, since a message
 * may be made again from them. Memory is bounded by one account.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { accountTroubles } from '#account/check.ts'
import { accountRowTable } from '#account/tables.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import {
  BlobCheck,
  type OwnerCheck,
  type OwnerChecks,
  restoreLocations,
  unownedLinkTroubles,
} from '#blob/check.ts'
import { SegmentFiles } from '#blob/check-segments.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import { anyRowTable, CheckReport, getRow, openRow, rowPages, unitOf } from '#kv/check.ts'
import { journalTroubles } from '#kv/check-journal.ts'
import type { Recovered } from '#kv/committer.ts'
import { taskTroubles } from '#kv/check-log.ts'
import type { Db } from '#kv/db.ts'
import { accountOfKey, accountPrefix } from '#kv/table.ts'
import { mailCheck } from '#mail/check.ts'
import { holdsBlob } from '#mail/check/entries.ts'
import { keptColumnsTroubles } from '#mail/check/kept-columns.ts'
import { shareIndexTroubles } from '#mail/check/shares.ts'
import { uploadHoldsBlob } from '#mail/check/uploads.ts'
import { queueCheck, queueHoldsBlob } from '#queue/check.ts'
import { indexHoldsBlob, indexTroubles } from '#search/check-indexes.ts'
import { chunkCheck, chunkHoldsBlob } from '#smtp/server/check-chunks.ts'
import { serverAccount } from '#smtp/server/chunk.ts'
import { leaseTroubles } from '#tasks/check-leases.ts'
import { Advice } from '../terminal/advice.ts'
import type { CommitterData } from '../threads.ts'
import { lockDirectory } from '../store/data-directory.ts'
import { chooseEngine } from '../store/engine-choice.ts'
import { CommitterThread, openStore, type Store } from '../store/store.ts'

export interface CheckOptions {
  readonly repair: boolean
  /** Nothing that needs the bytes of messages. */
  readonly isQuick: boolean
  /** Milliseconds. */
  readonly now: number
  /** Told often; says what is being looked at. */
  readonly progress: (text: string) => void
}

export interface CheckedStore {
  readonly report: CheckReport
  readonly accounts: number
}

const heldByQueueOrChunk: OwnerCheck = async (tx, links) => {
  const byQueue = await queueHoldsBlob(tx, links)
  const others = links.filter((_link, i) => !byQueue[i]!)
  const byChunk = others.length === 0 ? [] : await chunkHoldsBlob(tx, others)
  return links.map((link, i) => byQueue[i]! || byChunk[others.indexOf(link)]!)
}

const owners: OwnerChecks = {
  [ownerKinds.message]: holdsBlob,
  [ownerKinds.queue]: heldByQueueOrChunk,
  [ownerKinds.upload]: uploadHoldsBlob,
  [ownerKinds.search]: indexHoldsBlob,
}

/**
 * Locks the directory, opens its store and checks it. Throws Advice where that cannot be: there is no store, or
 * a server runs on it.
 */
export async function checkDirectory(
  directory: string,
  o: CheckOptions & { spawn: (data: CommitterData) => Worker },
): Promise<CheckedStore> {
  if (!existsSync(join(directory, 'STORE')))
    throw new Advice(`There is no mail store in ${directory}. Name its directory with --data DIR.`)
  using _lock = lockDirectory(directory)
  const engine = chooseEngine(directory, 'lmdb')
  const committer = await CommitterThread.open(
    { directory, engine, reserveBytes: 0 },
    o.spawn({ role: 'committer' }),
  )
  try {
    const failed = new Promise<never>((_resolve, reject) => committer.onError(reject))
    const bus = new LocalBus({ onError: () => {} })
    await using store = openStore({ directory, engine, line: committer.line(), bus, codec: 'none' })
    const { recovered } = committer
    return await Promise.race([checkStore(store, directory, { ...o, recovered }), failed])
  } finally {
    await committer.end()
  }
}

/** Checks a store that is open and that nobody else uses. */
export async function checkStore(
  store: Store,
  directory: string,
  o: CheckOptions & { recovered?: Recovered },
): Promise<CheckedStore> {
  const { db, engine } = store
  const report = new CheckReport()
  const global = { db, engine }
  const { recovered = { groups: 0, missing: 0 } } = o
  const first = [
    () => journalTroubles(recovered),
    () => taskTroubles(db),
    () => leaseTroubles(db, o.now),
    () => accountTroubles(db, accountsWithRows(db)),
  ]
  for (const troubles of first) await report.run(unitOf(global, troubles), o)
  await using files = new SegmentFiles(join(directory, 'blobs'))
  const blobs = new BlobCheck({
    db,
    files,
    owners,
    isQuick: o.isQuick,
    progress: (count) => o.progress(`${count} blobs`),
  })
  await report.run(blobs, o)
  const findBlobs = (hashes: ReadonlySet<BlobHash>) => restoreLocations(db, files, hashes)
  const queue = queueCheck({
    ...global,
    unowned: () => blobs.unowned.get(serverAccount) ?? new Map(),
    findBlobs,
  })
  await report.run(queue, o)
  await report.run(chunkCheck({ ...global, findBlobs }), o)
  let accounts = 0
  for await (const account of allAccounts(db)) {
    accounts++
    o.progress(`account ${account}`)
    const unit = mailCheck({
      ...o,
      ...store,
      account,
      unowned: blobs.unowned.get(account) ?? new Map(),
      isAccount: async (id) => (await db.read((tx) => getRow(tx, accountRowTable, id))) !== undefined,
      findBlobs,
      progress: (messages) => o.progress(`account ${account}: ${messages} messages`),
    })
    await report.run(unit, o)
  }
  const isAccount = async (id: AccountId): Promise<boolean> =>
    (await db.read((tx) => getRow(tx, accountRowTable, id))) !== undefined || hasRows(db, id)
  const last = [
    () => indexTroubles({ ...store, isAccount }),
    () => unownedLinkTroubles({ db, owners }),
    () => shareIndexTroubles(db),
    // What is kept of mailboxes is compared with rows, which are whole now.
    () => keptColumnsTroubles(db),
  ]
  for (const troubles of last) await report.run(unitOf(global, troubles), o)
  return { report, accounts }
}

const accountRows = Buffer.from('A')
/** Sorts behind every key of an account. */
const behind = Buffer.alloc(64, 0xff)

/** Accounts that have rows of their own, ascending. */
async function* accountsWithRows(db: Db): AsyncGenerator<AccountId> {
  let after: Uint8Array | undefined
  for (;;) {
    const from = after === undefined ? {} : { after: [after] as const }
    const [row] = await db.read((tx) => tx.list(anyRowTable, [accountRows], { ...from, limit: 1 }))
    if (row === undefined) return
    const [key] = row[0]
    if (key.length < accountPrefixBytes) after = key
    else {
      const account = accountOfKey(key)!
      yield account
      after = Buffer.concat([accountPrefix(account), behind])
    }
  }
}

const accountPrefixBytes = accountPrefix(0 as AccountId).length

/** Also those that should have rows and have none. */
async function* allAccounts(db: Db): AsyncGenerator<AccountId> {
  yield* accountsWithRows(db)
  for await (const page of rowPages(db, accountRowTable.prefix())) {
    for (const row of page) {
      const account = openRow(accountRowTable, row)?.elements[0]
      if (account !== undefined && !(await hasRows(db, account))) yield account
    }
  }
}

async function hasRows(db: Db, account: AccountId): Promise<boolean> {
  const rows = await db.read((tx) => tx.list(anyRowTable, [accountPrefix(account)], { limit: 1 }))
  return rows.length > 0
}
