/**
 * Leads the keys of domains through their life: makes them, looks for their records in the DNS, has them sign,
 * follow each other and go. What is to happen says `dkim-lifecycle.ts`; this does it.
 *
 * What must always hold: each step may be taken again, by anybody at the same time, and after a crash at any
 * place, with the same result; nothing is waited for inside a commit.
 */
import {
  type DkimAlgorithm,
  dkimDefaults,
  type DkimKeyRow,
  dkimKeyTable,
  type DkimManagement,
  followDkim,
  takeGeneration,
} from '#account/dkim-tables.ts'
import { dkimRecordName, newSelector } from '#account/dkim-selector.ts'
import { domainTable } from '#account/tables.ts'
import type { Clock } from '#base/clock.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { Fault } from '#base/fault.ts'
import { KeyedMutex } from '#base/mutex.ts'
import type { Bus } from '#bus/bus.ts'
import type { Resolver } from '#dns/resolution.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { type DkimKeyPair, newDkimKeyPair } from './dkim-key-pair.ts'
import { type DkimChanges, dkimChanges, type DkimRotation } from './dkim-lifecycle.ts'
import { hasDkimKey } from './dkim-record.ts'
import { textsOf } from './dns-records.ts'
import { dkimKeyCreated, dkimKeyDeleted, dkimKeyStage } from './events.ts'
import { dkimCache } from './signing-keys.ts'

export interface DkimKeysOptions {
  readonly db: Db
  readonly bus: Bus
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly resolver: Resolver
}

export interface DkimStep {
  /** Keys that wait for their record: when the youngest of them was made, undefined where none does. */
  readonly waitsSince: number | undefined
  /** Selectors, as all of these. */
  readonly created: readonly string[]
  readonly retired: readonly string[]
}

/** The public keys that were seen, by selector. */
type Published = ReadonlyMap<string, string>

interface DomainKeys {
  readonly management: DkimManagement
  readonly rows: ReadonlyMap<string, DkimKeyRow>
}

/** A new key whose record is not there yet; what the settings of signing are where nobody said. */
export const unsaid = {
  stage: 'pending',
  canonicalization: 'relaxed/relaxed',
  headers: [],
  expire: undefined,
} as const satisfies Partial<DkimKeyRow>

/** As its domain says, or the domain that it is an alias of; undefined where it is none of this server. */
export async function dkimManagementOf(
  tx: Pick<ReadTx, 'get'>,
  domain: string,
): Promise<DkimManagement | undefined> {
  const row = await tx.get(domainTable, domain)
  const own = row?.aliasOf === undefined ? row : await tx.get(domainTable, row.aliasOf)
  return own && { ...dkimDefaults, ...own.dkimManagement }
}

const never = new AbortController().signal

export class DkimKeys {
  readonly #o: DkimKeysOptions
  /** One of each algorithm at a time, so that many new domains leave threads to others. */
  readonly #making = new KeyedMutex<DkimAlgorithm>()

  constructor(o: DkimKeysOptions) {
    this.#o = o
  }

  /**
   * Does what is due. `look`: whether the DNS is asked for this key, that waits so long. Undefined where there is
   * no such domain.
   */
  async step(
    domain: string,
    o: {
      readonly look: (waitedMs: number) => boolean
      readonly rotation?: DkimRotation
      readonly signal: AbortSignal
    },
  ): Promise<DkimStep | undefined> {
    const before = await this.#o.db.read((tx) => read(tx, domain))
    if (before === undefined) return undefined
    const nowMs = this.#o.clock.now()
    const published = await this.#published(domain, before, { ...o, nowMs })
    const { add } = dkimChanges(situation(before, { published, nowMs, ...o }))
    const pairs = await Promise.all(
      add.map((algorithm) => this.#making.run([algorithm], () => newDkimKeyPair(algorithm))),
    )
    o.signal.throwIfAborted()
    const done = await this.#o.db.write([], (tx) =>
      this.#apply(tx, domain, { pairs, published, nowMs, rotation: o.rotation }),
    )
    if (done === undefined) return undefined
    this.#tell(domain, done)
    return stepOf(done)
  }

  /**
   * Has the next keys made now. Gives the names of the records of those that were made, and of those that sign no
   * more. Throws Fault `notFound`, and `conflict` where the keys are managed by hand.
   */
  async rotate(
    domain: string,
    rotation: DkimRotation,
  ): Promise<{ readonly created: readonly string[]; readonly retired: readonly string[] }> {
    const management = await this.#o.db.read((tx) => dkimManagementOf(tx, domain))
    if (management?.type === 'manual')
      throw new Fault(
        'conflict',
        `The DKIM keys of ${domain} are managed by hand: make a new one and retire the old, or set dkimManagement.type to automatic.`,
        {},
      )
    const step = await this.step(domain, { look: () => false, rotation, signal: never })
    if (step === undefined) throw new Fault('notFound', 'There is no such domain.', { what: 'domain' })
    const names = (selectors: readonly string[]): readonly string[] =>
      selectors.map((selector) => dkimRecordName(domain, selector))
    return { created: names(step.created), retired: names(step.retired) }
  }

  async #published(
    domain: string,
    { rows }: DomainKeys,
    o: { readonly look: (waitedMs: number) => boolean; readonly nowMs: number; readonly signal: AbortSignal },
  ): Promise<Published> {
    const found = new Map<string, string>()
    const waiting = [...rows].filter(
      ([, { stage, stageSince }]) => stage === 'pending' && o.look(o.nowMs - stageSince),
    )
    const look = async ([selector, row]: (typeof waiting)[number]): Promise<void> => {
      const name = dkimRecordName(domain, selector)
      const answer = await this.#o.resolver.resolve(name, 'TXT', { signal: o.signal, fresh: true })
      if (hasDkimKey(textsOf(answer), row)) found.set(selector, row.publicKey)
    }
    await Promise.all(waiting.map(look))
    return found
  }

  /** In the commit everything is looked at again: somebody else may have been here meanwhile. */
  async #apply(
    tx: WriteTx,
    domain: string,
    o: {
      readonly pairs: readonly DkimKeyPair[]
      readonly published: Published
      readonly nowMs: number
      readonly rotation: DkimRotation | undefined
    },
  ): Promise<Applied | undefined> {
    const present = await read(tx, domain)
    if (present === undefined) return undefined
    // What becomes of one key follows from all of them.
    for (const selector of present.rows.keys()) await tx.get(dkimKeyTable, domain, selector)
    const changes = dkimChanges(situation(present, o))
    // Its own task goes on by itself.
    if (o.rotation !== undefined) followDkim(tx, domain, o.nowMs)
    const rows = new Map(present.rows)
    for (const selector of changes.remove) {
      tx.delete(dkimKeyTable, [domain, selector])
      rows.delete(selector)
    }
    for (const { selector, stage } of changes.stages) {
      const row = { ...rows.get(selector)!, stage, stageSince: o.nowMs }
      tx.put(dkimKeyTable, [domain, selector], row)
      rows.set(selector, row)
    }
    const created: string[] = []
    const pairs = o.pairs.filter(({ algorithm }) => changes.add.includes(algorithm))
    if (pairs.length > 0) {
      const version = await takeGeneration(tx, domain)
      for (const pair of pairs) {
        const { algorithm } = pair
        const facts = { algorithm, version, atMs: o.nowMs }
        const selector = newSelector(present.management.selectorTemplate, facts, (one) => rows.has(one))
        if (normaliseDomain(dkimRecordName(domain, selector)) === undefined) continue
        const row = { ...unsaid, ...pair, isAutomatic: true, stageSince: o.nowMs, createdAt: o.nowMs }
        tx.put(dkimKeyTable, [domain, selector], row)
        rows.set(selector, row)
        created.push(selector)
      }
    }
    return { changes, created, rows }
  }

  #tell(domain: string, { changes, created, rows }: Applied): void {
    const { bus, telemetry } = this.#o
    if (created.length + changes.stages.length + changes.remove.length === 0) return
    bus.publish({ kind: 'forget', cache: dkimCache, key: domain })
    for (const selector of created) {
      const { algorithm } = rows.get(selector)!
      telemetry.emit(dkimKeyCreated, { domain, selector, algorithm })
    }
    for (const { selector, stage } of changes.stages)
      telemetry.emit(dkimKeyStage, { domain, selector, stage })
    for (const selector of changes.remove) telemetry.emit(dkimKeyDeleted, { domain, selector })
  }
}

interface Applied {
  readonly changes: DkimChanges
  readonly created: readonly string[]
  /** As they are now. */
  readonly rows: ReadonlyMap<string, DkimKeyRow>
}

function stepOf({ changes, created, rows }: Applied): DkimStep {
  const waiting = [...rows.values()].filter(({ stage }) => stage === 'pending')
  return {
    waitsSince: waiting.length === 0 ? undefined : Math.max(...waiting.map(({ stageSince }) => stageSince)),
    created,
    retired: changes.stages.filter(({ stage }) => stage === 'retired').map(({ selector }) => selector),
  }
}

async function read(tx: ReadTx, domain: string): Promise<DomainKeys | undefined> {
  const management = await dkimManagementOf(tx, domain)
  if (management === undefined) return undefined
  const rows = await tx.list(dkimKeyTable, [domain])
  return { management, rows: new Map(rows.map(([[, selector], row]) => [selector, row])) }
}

const situation = (
  { management, rows }: DomainKeys,
  o: {
    readonly published: Published
    readonly nowMs: number
    readonly rotation?: DkimRotation | undefined
  },
) => ({
  management,
  keys: [...rows].map(([selector, row]) => ({ selector, ...row })),
  nowMs: o.nowMs,
  published: new Set(
    [...o.published].flatMap(([selector, key]) => (rows.get(selector)?.publicKey === key ? selector : [])),
  ),
  rotation: o.rotation,
})
