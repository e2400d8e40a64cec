/**
 * The check of blobs: every row says where a whole record of that content is, every link is of something that
 * exists, and what is linked is not about to be swept.
 *
 * Who owns a blob is known by the folders that own the rows; they answer through `OwnerCheck`. Message bytes
 * are never removed: a link without its owner goes only after its owner's folder had the chance to use it.
 */
import type { AccountId, BlobHash } from '#base/id.ts'
import type { KvRow } from '#kv/backend.ts'
import {
  type BlobLocation,
  blobLinkTable,
  type BlobOwner,
  blobTable,
  isLive,
  type OwnerKind,
  ownerKinds,
} from '#kv/blob-rows.ts'
import {
  anyRowTable,
  type CheckUnit,
  type FindingKind,
  type Found,
  getRow,
  keyInHex,
  openRow,
  rowPages,
  type Trouble,
} from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { RecordState, SegmentFiles } from './check-segments.ts'

const anotherCopy = 'The segments are searched for another copy; without one it stays as it is.'

const kinds = {
  rowUnknown: {
    name: 'blob-row-unreadable',
    means: 'A row about stored message bytes cannot be read.',
    repair: 'It is removed; if it said where bytes are, that is found again from the segments.',
  },
  locationMissing: {
    name: 'blob-location-missing',
    means: 'Nothing says where the bytes of a message are.',
    repair: 'The segments are searched for the bytes, which carry their name.',
  },
  segmentMissing: {
    name: 'blob-segment-missing',
    means: 'A file with message bytes is gone.',
    repair: anotherCopy,
  },
  cutOff: {
    name: 'blob-cut-off',
    means: 'A file with message bytes ends before the bytes of this message do.',
    repair: anotherCopy,
  },
  noRecord: {
    name: 'blob-header-wrong',
    means: 'Where the bytes of this message should begin there is something else.',
    repair: anotherCopy,
  },
  damaged: {
    name: 'blob-damaged',
    means: 'The bytes of a message are not those that were stored.',
    repair: anotherCopy,
  },
  otherSizes: {
    name: 'blob-size-wrong',
    means: 'The row says another length than the stored bytes have, so reading them fails.',
    repair: 'The row is written anew from the header of the bytes.',
  },
  condemned: {
    name: 'blob-condemned-in-use',
    means: 'The bytes of a message that exists are marked for removal.',
    repair: 'The mark is removed.',
  },
  linkUnowned: {
    name: 'blob-link-unowned',
    means: 'Bytes are kept for a message that does not exist or has other bytes: they take room for ever.',
    repair: 'The link is removed; bytes that nobody uses are swept later.',
  },
  segmentUnused: {
    name: 'segment-unused',
    means: 'Nothing in this file is in use. The sweeper removes it in time.',
    isNote: true,
  },
} as const satisfies Record<string, FindingKind>

const stateKinds: Readonly<Record<Exclude<RecordState, 'fine'>, FindingKind>> = kinds

export interface Link {
  readonly hash: BlobHash
  readonly owner: BlobOwner
}

/** Whether each of the owners exists and has this blob. */
export type OwnerCheck = (tx: ReadTx, links: readonly Link[]) => Promise<readonly boolean[]>
/** Links of other kinds are taken to be owned. */
export type OwnerChecks = Readonly<Partial<Record<OwnerKind, OwnerCheck>>>

/** Blobs that are linked in the name of something that does not have them: account, id, blob. */
export type UnownedLinks = Map<AccountId, Map<number, BlobHash>>

interface BlobState {
  readonly hash: BlobHash
  location: BlobLocation | 'damaged' | undefined
  links: number
}

export class BlobCheck implements CheckUnit {
  readonly unowned: UnownedLinks = new Map()
  readonly #db: Db
  readonly #files: SegmentFiles
  readonly #owners: OwnerChecks
  readonly #isQuick: boolean
  readonly #progress: (blobs: number) => void
  /** Undefined before the first check: then all are looked at. */
  #bad: Set<BlobHash> | undefined
  #badKeys: Uint8Array[] = []
  #used = new Set<number>()
  #looked = 0

  constructor(o: {
    db: Db
    files: SegmentFiles
    owners: OwnerChecks
    isQuick: boolean
    progress: (blobs: number) => void
  }) {
    this.#db = o.db
    this.#files = o.files
    this.#owners = o.owners
    this.#isQuick = o.isQuick
    this.#progress = o.progress
  }

  async check(found: Found): Promise<void> {
    const again = this.#bad
    this.#bad = new Set()
    this.#badKeys = []
    if (again === undefined) {
      await this.#checkRows(blobTable.prefix(), found)
      this.#checkSegments(found)
    } else for (const hash of again) await this.#checkRows(blobTable.prefix(hash), found)
  }

  async repair(): Promise<void> {
    const keys = this.#badKeys
    if (keys.length > 0)
      await this.#db.write([], async (tx) => keys.forEach((key) => tx.delete(anyRowTable, [key])))
    await restoreLocations(this.#db, this.#files, this.#bad ?? new Set())
  }

  /** Location and links of a blob are neighbours, so one pass sees each blob whole. */
  async #checkRows(prefix: Uint8Array, found: Found): Promise<void> {
    let current: BlobState | undefined
    for await (const page of rowPages(this.#db, prefix)) {
      const links: Link[] = []
      for (const row of page) {
        const read = readBlobRow(row)
        if (read === undefined) {
          this.#badKeys.push(row[0])
          found({ kind: kinds.rowUnknown, what: `key ${keyInHex(row[0])}` })
          continue
        }
        if (read.hash !== current?.hash) {
          if (current !== undefined) await this.#judge(current, found)
          current = { hash: read.hash, location: undefined, links: 0 }
        }
        if ('owner' in read) {
          current.links++
          links.push(read)
        } else current.location = read.location
      }
      await this.#findUnowned(links)
    }
    if (current !== undefined) await this.#judge(current, found)
  }

  async #judge({ hash, location, links }: BlobState, found: Found): Promise<void> {
    if (++this.#looked % 1000 === 0) this.#progress(this.#looked)
    const wrong = (kind: FindingKind, what: string): void => {
      this.#bad!.add(hash)
      found({ kind, what: `blob ${hash}${what}` })
    }
    if (location === undefined) {
      if (links > 0) wrong(kinds.locationMissing, `, which has ${links} owner(s)`)
      return
    }
    if (location === 'damaged') {
      wrong(kinds.rowUnknown, ': its location')
      return
    }
    this.#used.add(location.segment)
    // Nobody misses what waits to be swept.
    if (links === 0) return
    if (!isLive(location)) wrong(kinds.condemned, '')
    const state = await this.#files.inspect(hash, location, this.#isQuick)
    if (state !== 'fine') wrong(stateKinds[state], `, in segment ${location.segment} at ${location.offset}`)
  }

  async #findUnowned(links: readonly Link[]): Promise<void> {
    for (const [link, isOwned] of await ownedOf(this.#db, this.#owners, links)) {
      if (isOwned) continue
      const { account, id, kind } = link.owner
      // Indexes follow from messages, and an upload is with its client: nobody looks for their bytes.
      if (kind === ownerKinds.search || kind === ownerKinds.upload) continue
      const ofAccount = this.unowned.get(account)
      if (ofAccount === undefined) this.unowned.set(account, new Map([[id, link.hash]]))
      else ofAccount.set(id, link.hash)
    }
  }

  #checkSegments(found: Found): void {
    // The last one is being written to.
    for (const segment of this.#files.list().slice(0, -1)) {
      if (!this.#used.has(segment)) found({ kind: kinds.segmentUnused, what: `segment ${segment}` })
    }
  }
}

/** Finds whole records of these blobs and writes their rows anew. Returns those that were found. */
export async function restoreLocations(
  db: Db,
  files: SegmentFiles,
  hashes: ReadonlySet<BlobHash>,
): Promise<ReadonlySet<BlobHash>> {
  if (hashes.size === 0) return new Set()
  const found = await files.find(hashes)
  const places = [...found]
  for (let i = 0; i < places.length; i += 1000) {
    await db.write([], async (tx) => {
      for (const [hash, at] of places.slice(i, i + 1000)) tx.put(blobTable, [hash], at)
    })
  }
  return new Set(found.keys())
}

/** The bytes have this owner again, and are not swept. */
export async function linkAgain(
  tx: WriteTx,
  hash: BlobHash,
  { account, kind, id }: BlobOwner,
): Promise<void> {
  tx.put(blobLinkTable, [hash, account, kind, id], true)
  const location = await getRow(tx, blobTable, hash)
  if (location !== undefined && location !== 'damaged')
    tx.put(blobTable, [hash], { ...location, condemnedAt: 0 })
}

/** Links whose owner is still not there: to be looked at when everything else was repaired. */
export async function* unownedLinkTroubles(o: { db: Db; owners: OwnerChecks }): AsyncGenerator<Trouble> {
  for await (const page of rowPages(o.db, blobTable.prefix())) {
    const links = page.map(readBlobRow).filter((row): row is Link => row !== undefined && 'owner' in row)
    for (const [{ hash, owner }, isOwned] of await ownedOf(o.db, o.owners, links)) {
      if (isOwned) continue
      yield {
        kind: kinds.linkUnowned,
        what: `blob ${hash} is kept for message ${owner.id} of account ${owner.account}`,
        fix: (tx) => tx.delete(blobLinkTable, [hash, owner.account, owner.kind, owner.id]),
      }
    }
  }
}

async function ownedOf(
  db: Db,
  owners: OwnerChecks,
  links: readonly Link[],
): Promise<readonly (readonly [Link, boolean])[]> {
  const all: (readonly [Link, boolean])[] = []
  const kindsHere = new Set(links.map(({ owner }) => owner.kind))
  for (const kind of kindsHere) {
    const ofKind = links.filter(({ owner }) => owner.kind === kind)
    const check = owners[kind]
    if (check === undefined) continue
    const owned = await db.read((tx) => check(tx, ofKind))
    for (const [i, link] of ofKind.entries()) all.push([link, owned[i]!])
  }
  return all
}

type BlobRow = Link | { readonly hash: BlobHash; readonly location: BlobLocation | 'damaged' }

function readBlobRow(row: KvRow): BlobRow | undefined {
  const location = openRow(blobTable, row)
  if (location !== undefined) return { hash: location.elements[0], location: location.value ?? 'damaged' }
  const link = openRow(blobLinkTable, row)
  if (link === undefined) return undefined
  const [hash, account, kind, id] = link.elements
  return { hash, owner: { account, kind, id } }
}
