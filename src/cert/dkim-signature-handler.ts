/**
 * What can be done with DKIM keys. What must always hold: a private key comes in or is made here and never goes
 * out; a domain and a selector name one key; what is said of a key reaches those who sign at once.
 */
import {
  type DkimAlgorithm,
  type DkimKeyRow,
  dkimKeyTable,
  type DkimStage,
  followDkim,
  takeGeneration,
} from '#account/dkim-tables.ts'
import { dkimRecordName, newSelector, splitRecordName } from '#account/dkim-selector.ts'
import { momentOf } from '#account/objects/fields.ts'
import type { Clock } from '#base/clock.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { Fault, invalidProperties } from '#base/fault.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { ObjectHandler, Plan, QueryRequest, QueryResult } from '#registry/managed-object.ts'
import type { Settings } from '#settings/object.ts'
import type { Secret } from '#settings/secret.ts'
import { givenIn, type Values } from '#settings/values.ts'
import { type ConfiguredKey, configuredKeys } from './configured-keys.ts'
import { type DkimKeyPair, newDkimKeyPair, readDkimKey } from './dkim-key-pair.ts'
import { dkimRecordText } from './dkim-record.ts'
import { dkimManagementOf, unsaid } from './dkim-keys.ts'
import { nextTransition } from './dkim-lifecycle.ts'
import { dkimSignatureObject } from './dkim-signature-object.ts'
import { dkimCache } from './signing-keys.ts'

export interface DkimSignatureHandlerOptions {
  readonly db: Db
  readonly bus: Bus
  readonly clock: Clock
  readonly settings: Pick<Settings, 'each'>
}

export class DkimSignatureHandler implements ObjectHandler {
  readonly object = dkimSignatureObject
  readonly #o: DkimSignatureHandlerOptions

  constructor(o: DkimSignatureHandlerOptions) {
    this.#o = o
  }

  async locate(tx: ReadTx, key: string): Promise<string | undefined> {
    const name = key.toLowerCase()
    const split = splitRecordName(name)
    if (split === undefined) return undefined
    const isThere = this.#configured(name) !== undefined
    return isThere || (await tx.get(dkimKeyTable, split.domain, split.selector)) !== undefined
      ? name
      : undefined
  }

  async read(tx: ReadTx, name: string): Promise<Values | undefined> {
    const { domain, selector } = splitRecordName(name)!
    const configured = this.#configured(name)?.row
    const row = configured ?? (await tx.get(dkimKeyTable, domain, selector))
    if (row === undefined) return undefined
    const management = await dkimManagementOf(tx, domain)
    const next = management && nextTransition({ selector, ...row }, management)
    const { algorithm, stage, canonicalization, headers, expire, publicKey } = row
    return {
      name,
      domain,
      selector,
      algorithm,
      stage,
      canonicalization,
      headers,
      expire,
      management: configured ? 'configuration' : row.isAutomatic ? 'automatic' : 'manual',
      publicKey,
      record: dkimRecordText(row),
      stageSince: momentOf(row.stageSince),
      nextTransitionAt: next === undefined ? undefined : momentOf(next),
      createdAt: momentOf(row.createdAt),
    }
  }

  /** Those of the configuration, then the others in the order of domains and selectors. */
  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const { domain, stage } = filter
    const needle = typeof filter['text'] === 'string' ? filter['text'].toLowerCase() : ''
    const rows = await this.#o.db.read((tx) =>
      tx.list(dkimKeyTable, domain === undefined ? [] : [domain as string]),
    )
    const configured = configuredKeys(this.#o.settings).filter(
      (one) => domain === undefined || one.domain === domain,
    )
    const all = [
      ...configured.map((one) => [one.domain, one.selector, one.row] as const),
      ...rows.map(([[of, selector], row]) => [of, selector, row] as const),
    ]
    const found = all
      .filter(([, , row]) => stage === undefined || row.stage === stage)
      .map(([of, selector]) => dkimRecordName(of, selector))
      .filter((name) => name.includes(needle))
    const ids = [...new Set(found)]
    return { ids: ids.slice(position, position + limit), total: ids.length }
  }

  async create(values: Values): Promise<Plan> {
    const domain = values['domain'] as string
    const pair = await pairFor(values)
    const atMs = this.#o.clock.now()
    const row: DkimKeyRow = patchedRow(
      {
        ...unsaid,
        ...pair,
        isAutomatic: false,
        stageSince: atMs,
        createdAt: atMs,
      },
      values,
      atMs,
    )
    return this.#plan(domain, async (tx) => {
      const management = await dkimManagementOf(tx, domain)
      if (management === undefined)
        throw invalidProperties([{ property: 'domain', problem: 'must be a domain of this server' }])
      const version = await takeGeneration(tx, domain)
      const taken = new Set((await tx.list(dkimKeyTable, [domain])).map(([[, selector]]) => selector))
      const { algorithm } = pair
      const selector =
        (values['selector'] as string | undefined) ??
        newSelector(management.selectorTemplate, { algorithm, version, atMs }, (one) => taken.has(one))
      const name = dkimRecordName(domain, selector)
      if (taken.has(selector) || this.#configured(name) !== undefined)
        throw new Fault('exists', `There is a DKIM key ${name}.`, { what: 'DkimSignature' })
      if (normaliseDomain(name) === undefined)
        throw invalidProperties([{ property: 'selector', problem: 'must be shorter for this domain' }])
      tx.put(dkimKeyTable, [domain, selector], row)
      return name
    })
  }

  async update(name: string, patch: Values): Promise<Plan> {
    this.#assertStored(name)
    const { domain, selector } = splitRecordName(name)!
    const atMs = this.#o.clock.now()
    return this.#plan(domain, async (tx) => {
      const row = await tx.get(dkimKeyTable, domain, selector)
      if (row === undefined) throw noSuchKey()
      tx.put(dkimKeyTable, [domain, selector], patchedRow(row, patch, atMs))
      return name
    })
  }

  async destroy(name: string): Promise<Plan> {
    this.#assertStored(name)
    const { domain, selector } = splitRecordName(name)!
    return this.#plan(domain, async (tx) => {
      if ((await tx.get(dkimKeyTable, domain, selector)) === undefined) throw noSuchKey()
      tx.delete(dkimKeyTable, [domain, selector])
      return name
    })
  }

  #configured(name: string): ConfiguredKey | undefined {
    return configuredKeys(this.#o.settings).find(
      ({ domain, selector }) => dkimRecordName(domain, selector) === name,
    )
  }

  #assertStored(name: string): void {
    if (this.#configured(name) === undefined) return
    const text = 'This DKIM key is in the configuration and can only be changed there.'
    throw new Fault('forbidden', text, { what: 'DkimSignature' })
  }

  #plan(domain: string, apply: (tx: WriteTx) => Promise<string>): Plan {
    const committed = (): void => this.#o.bus.publish({ kind: 'forget', cache: dkimCache, key: domain })
    const nowMs = this.#o.clock.now()
    const followed = async (tx: WriteTx): Promise<string> => {
      followDkim(tx, domain, nowMs)
      return apply(tx)
    }
    return { accounts: [], apply: followed, committed }
  }
}

const noSuchKey = (): Fault => new Fault('notFound', 'There is no such DKIM key.', { what: 'DkimSignature' })

/** What was brought, or a new one. Throws Fault `invalid`. */
async function pairFor(values: Values): Promise<DkimKeyPair> {
  const wanted = values['algorithm'] as DkimAlgorithm | undefined
  const given = values['privateKey'] as Secret | undefined
  if (given === undefined) return newDkimKeyPair(wanted ?? 'ed25519-sha256')
  const read = readDkimKey(given.reveal())
  if (typeof read === 'string') throw invalidProperties([{ property: 'privateKey', problem: read }])
  if (wanted !== undefined && wanted !== read.algorithm)
    throw invalidProperties([{ property: 'algorithm', problem: `must be ${read.algorithm}, as the key is` }])
  return read
}

function patchedRow(row: DkimKeyRow, patch: Values, atMs: number): DkimKeyRow {
  const given = givenIn(patch)
  const stage: DkimStage = given('stage', row.stage)
  return {
    ...row,
    stage,
    stageSince: stage === row.stage ? row.stageSince : atMs,
    canonicalization: given('canonicalization', row.canonicalization),
    headers: given('headers', row.headers),
    expire: given('expire', row.expire),
  }
}
