/**
 * The DKIM keys of the domains, as they are kept. They belong to a domain as its aliases do and leave with it;
 * `cert/` makes them, follows them through their life and gives them to whoever signs.
 *
 * What must always hold: a domain and a selector name one key, since they name one record (RFC 6376 §3.6.2.1);
 * whoever adds a key takes the next generation of its domain in the same commit, so that two who add at the
 * same time run into each other. The letters `D V` of global keys are this file's.
 */
import { json, uint } from '#kv/codec.ts'
import { text } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import type { TaskName } from '#kv/task-rows.ts'
import type { WriteTx } from '#kv/tx.ts'

/** RFC 6376 §3.3 and RFC 8463 §3, in the words of the tag `a=`. */
export const dkimAlgorithms = ['ed25519-sha256', 'rsa-sha256'] as const
export type DkimAlgorithm = (typeof dkimAlgorithms)[number]

/** Of the header, then of the body (RFC 6376 §3.4). */
export const dkimCanonicalizations = [
  'relaxed/relaxed',
  'relaxed/simple',
  'simple/relaxed',
  'simple/simple',
] as const
type DkimCanonicalization = (typeof dkimCanonicalizations)[number]

/**
 * `pending`: waits until its record is seen in the DNS. `active`: signs. `retiring`: signs no more, and its record
 * must stay for mail that is on its way. `retired`: its record is to be removed.
 */
export const dkimStages = ['pending', 'active', 'retiring', 'retired'] as const
export type DkimStage = (typeof dkimStages)[number]

/** What the server does about the keys of a domain. Times are milliseconds. */
export interface DkimManagement {
  /** `manual`: it makes none and ends none. */
  readonly type: 'automatic' | 'manual'
  /** It keeps a key of each. */
  readonly algorithms: readonly DkimAlgorithm[]
  /** See `dkim-selector.ts`. */
  readonly selectorTemplate: string
  /** How long a key signs until the next one is made. */
  readonly rotateAfter: number
  /** How long its record stays when it signs no more. */
  readonly retireAfter: number
  /** How long it is kept after that. */
  readonly deleteAfter: number
}

const dayMs = 86_400_000

export const dkimDefaults: DkimManagement = {
  type: 'automatic',
  algorithms: dkimAlgorithms,
  selectorTemplate: 'v{version}-{algorithm}-{date-%Y%m%d}',
  rotateAfter: 90 * dayMs,
  retireAfter: 7 * dayMs,
  deleteAfter: 30 * dayMs,
}

/** Looks after the keys of a domain: scheduled wherever something about them changes, done by `cert/dkim-keys.ts`. */
export const followDkimName: TaskName<{ readonly domain: string; readonly tries?: number }> = {
  name: 'cert.follow-dkim-keys',
}

/** In the commit that changes what the keys of a domain depend on; `nowMs`, for who waits longer goes first. */
export const followDkim = (tx: WriteTx, domain: string, nowMs: number): void =>
  tx.schedule(followDkimName, { domain }, nowMs)

export interface DkimKeyRow {
  readonly algorithm: DkimAlgorithm
  /** PEM. */
  readonly privateKey: string
  /** As the tag `p=` of the record has it. */
  readonly publicKey: string
  /** False: somebody brought it, so only somebody ends it. */
  readonly isAutomatic: boolean
  readonly stage: DkimStage
  /** When the stage began, milliseconds. */
  readonly stageSince: number
  readonly canonicalization: DkimCanonicalization
  /** Names of header fields that are signed; none: those that the signer thinks best. */
  readonly headers: readonly string[]
  /** How long a signature holds, milliseconds; undefined: for good. */
  readonly expire: number | undefined
  readonly createdAt: number
}

/** By domain (or an alias of one) and selector. */
export const dkimKeyTable = globalTable({
  name: 'dkim-key',
  letter: 'D',
  key: [text(), text()],
  value: json<DkimKeyRow>(),
})

/** How often keys were added to a domain. */
const generationTable = globalTable({
  name: 'dkim-generation',
  letter: 'V',
  key: [text()],
  value: uint(),
})

/** In a commit that adds keys to a domain: the number of their generation, from 1. */
export async function takeGeneration(tx: WriteTx, domain: string): Promise<number> {
  const generation = ((await tx.get(generationTable, domain)) ?? 0) + 1
  tx.put(generationTable, [domain], generation)
  return generation
}

/** With the domain, and with keys that are added at the same moment. */
export async function deleteDkimKeys(tx: WriteTx, domain: string): Promise<void> {
  await tx.get(generationTable, domain)
  for (const [key] of await tx.list(dkimKeyTable, [domain])) tx.delete(dkimKeyTable, key)
  tx.delete(generationTable, [domain])
}
