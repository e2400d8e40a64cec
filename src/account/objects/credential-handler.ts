/**
 * What can be done with app passwords and API keys.
 *
 * What must always hold: the secret is made up here, shown once and kept as a digest; nobody makes or changes
 * one that gives more than they may themselves, so a limited key makes no unlimited one, nor one that is for longer
 * or for more addresses. Who acts as another makes nothing that would open the account to them later.
 */
import type { Clock } from '#base/clock.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { networkContains, parseNetwork } from '#base/ip.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type {
  Actor,
  ManagedObject,
  ObjectHandler,
  Plan,
  QueryRequest,
  QueryResult,
  Scope,
} from '#registry/managed-object.ts'
import type { Settings } from '#settings/object.ts'
import { givenIn, type Values } from '#settings/values.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { Accounts } from '../account.ts'
import { noSuchAccount } from '../account-rows.ts'
import { limited } from '../candidate.ts'
import { lookAtCredentials, putNewCredential } from '../credential-rows.ts'
import { type CredentialRow, credentialTable, credentialUseTable } from '../credential-tables.ts'
import { credentialCreated, credentialDestroyed } from '../events.ts'
import { effectivePermissions } from '../role.ts'
import { authentication } from '../settings.ts'
import {
  type CredentialId,
  newApiKey,
  newAppPassword,
  newCredentialId,
  readCredentialId,
  showCredentialId,
} from '../shown-once.ts'
import { type AccountRow, accountRowTable } from '../tables.ts'
import { objectOfKind } from './credential-object.ts'
import { assertHas } from './escalation.ts'
import { momentOf } from './fields.ts'

export interface CredentialHandlerOptions {
  readonly db: Db
  readonly clock: Clock
  readonly accounts: Accounts
  readonly settings: Pick<Settings, 'get'>
  readonly telemetry: Telemetry
}

type Kind = CredentialRow['kind']

export class CredentialHandler implements ObjectHandler {
  readonly object: ManagedObject
  readonly #kind: Kind
  readonly #o: CredentialHandlerOptions

  constructor(kind: Kind, o: CredentialHandlerOptions) {
    this.object = objectOfKind[kind]
    this.#kind = kind
    this.#o = o
  }

  async locate(tx: ReadTx, key: string, { account }: Scope): Promise<string | undefined> {
    const id = readCredentialId(key)
    return id !== undefined && (await this.#row(tx, account, id)) !== undefined
      ? showCredentialId(id)
      : undefined
  }

  async read(tx: ReadTx, key: string, { account }: Scope): Promise<Values | undefined> {
    const id = readCredentialId(key)!
    const row = await this.#row(tx, account, id)
    if (row === undefined) return undefined
    const lastUsed = await tx.get(credentialUseTable, account, id)
    return {
      description: row.description,
      expiresAt: row.expiresAt === undefined ? undefined : momentOf(row.expiresAt),
      allowedIps: row.allowedIps,
      permissionMode: row.permissions.mode,
      permissions: row.permissions.permissions,
      createdAt: momentOf(row.createdAt),
      lastUsedAt: lastUsed === undefined ? undefined : momentOf(lastUsed),
      ...(this.#kind === 'appPassword' ? { protocols: row.protocols } : {}),
    }
  }

  /** Oldest first. */
  async query({ position, limit }: QueryRequest, { account }: Scope): Promise<QueryResult> {
    const rows = await this.#o.db.read((tx) => this.#all(tx, account))
    const ids = rows
      .toSorted(([, a], [, b]) => a.createdAt - b.createdAt)
      .map(([[, id]]) => showCredentialId(id))
    return { ids: ids.slice(position, position + limit), total: ids.length }
  }

  async create(values: Values, { actor, account }: Scope): Promise<Plan> {
    const id = newCredentialId()
    const { shown, digest } = (this.#kind === 'apiKey' ? newApiKey : newAppPassword)(account, id)
    const createdAt = this.#o.clock.now()
    const row = patchedRow({ ...blank, kind: this.#kind, createdAt, digest }, values)
    const plan = this.#plan(account, id, async (tx, owner) => {
      await assertGives(tx, actor, owner, row)
      await this.#assertRoom(tx, account, owner)
      if ((await tx.get(credentialTable, account, id)) !== undefined)
        throw new Fault('exists', 'Try again: the id that was drawn is taken.', { what: this.object.name })
      putNewCredential(tx, account, id, row)
    })
    return {
      ...plan,
      shownOnce: { secret: shown },
      committed: () => this.#changed(account, id, credentialCreated),
    }
  }

  async update(key: string, patch: Values, { actor, account }: Scope): Promise<Plan> {
    const id = readCredentialId(key)!
    return this.#plan(account, id, async (tx, owner) => {
      const before = await this.#existing(tx, account, id)
      await assertGives(tx, actor, owner, before)
      const after = patchedRow(before, patch)
      await assertGives(tx, actor, owner, after)
      tx.put(credentialTable, [account, id], after)
    })
  }

  async destroy(key: string, { actor, account }: Scope): Promise<Plan> {
    const id = readCredentialId(key)!
    const plan = this.#plan(account, id, async (tx, owner) => {
      const before = await this.#existing(tx, account, id)
      // One's own may always go: whoever lost a device takes it back from a limited key too.
      if (actor.account !== account) await assertGives(tx, actor, owner, before)
      tx.delete(credentialTable, [account, id])
      tx.delete(credentialUseTable, [account, id])
    })
    return { ...plan, committed: () => this.#changed(account, id, credentialDestroyed) }
  }

  #plan(
    account: AccountId,
    id: CredentialId,
    change: (tx: WriteTx, owner: AccountRow) => Promise<void>,
  ): Plan {
    return {
      accounts: [],
      apply: async (tx) => {
        const owner = await tx.get(accountRowTable, account)
        if (owner === undefined || owner.type === 'group') throw noSuchAccount()
        await change(tx, owner)
        return showCredentialId(id)
      },
      committed: () => this.#o.accounts.forget(String(account)),
    }
  }

  #changed(
    account: AccountId,
    id: CredentialId,
    event: typeof credentialCreated | typeof credentialDestroyed,
  ): void {
    const { accounts, telemetry } = this.#o
    accounts.forget(String(account))
    telemetry.emit(event, { account, credential: showCredentialId(id), kind: this.#kind })
  }

  async #assertRoom(tx: WriteTx, account: AccountId, { quotas }: AccountRow): Promise<void> {
    const { maxAppPasswords, maxApiKeys } = this.#o.settings.get(authentication)
    const limit =
      this.#kind === 'appPassword' ? quotas.appPasswords || maxAppPasswords : quotas.apiKeys || maxApiKeys
    await lookAtCredentials(tx, account)
    if ((await this.#all(tx, account)).length >= limit)
      throw new Fault('overQuota', `An account may have ${limit} of these.`, { limit })
  }

  async #all(tx: ReadTx, account: AccountId) {
    return (await tx.list(credentialTable, [account])).filter(([, row]) => row.kind === this.#kind)
  }

  async #row(tx: ReadTx, account: AccountId, id: CredentialId): Promise<CredentialRow | undefined> {
    const row = await tx.get(credentialTable, account, id)
    return row?.kind === this.#kind ? row : undefined
  }

  async #existing(tx: WriteTx, account: AccountId, id: CredentialId): Promise<CredentialRow> {
    const row = await tx.get(credentialTable, account, id)
    if (row?.kind === this.#kind) return row
    throw new Fault('notFound', `There is no such ${this.object.name}.`, { what: this.object.name })
  }
}

const blank: Omit<CredentialRow, 'kind' | 'createdAt' | 'digest'> = {
  description: '',
  allowedIps: [],
  protocols: [],
  permissions: { mode: 'inherit', permissions: [] },
}

function patchedRow(row: CredentialRow, patch: Values): CredentialRow {
  const given = givenIn(patch)
  const { expiresAt: before, ...rest } = row
  const expiry = given<string | number | undefined>('expiresAt', before)
  const expiresAt = typeof expiry === 'string' ? Date.parse(expiry) : expiry
  return {
    ...rest,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    description: given('description', row.description),
    allowedIps: given('allowedIps', row.allowedIps),
    protocols: [...new Set(given('protocols', row.protocols))],
    permissions: {
      mode: given('permissionMode', row.permissions.mode),
      permissions: given('permissions', row.permissions.permissions),
    },
  }
}

/** Throws Fault `forbidden` where the credential would give something that the actor has not. */
async function assertGives(tx: WriteTx, actor: Actor, owner: AccountRow, row: CredentialRow): Promise<void> {
  assertHas(actor, limited(await effectivePermissions(tx, owner), row))
  if (actor.by !== undefined)
    throw new Fault('forbidden', 'Who acts as another makes no credentials for them.', {
      what: 'credential',
    })
  if (actor.credential === undefined) return
  const own = await tx.get(credentialTable, actor.account, actor.credential as CredentialId)
  if (own === undefined || outlasts(row, own) || reachesBeyond(row, own))
    throw new Fault(
      'forbidden',
      'This would be for longer, or for more addresses, than what you signed in with.',
      {
        what: 'credential',
      },
    )
}

const outlasts = ({ expiresAt = Infinity }: CredentialRow, own: CredentialRow): boolean =>
  expiresAt > (own.expiresAt ?? Infinity)

function reachesBeyond({ allowedIps }: CredentialRow, own: CredentialRow): boolean {
  if (own.allowedIps.length === 0) return false
  const mine = own.allowedIps.map((text) => parseNetwork(text)!)
  const isWithin = (text: string): boolean => {
    const { address, prefixBits } = parseNetwork(text)!
    return mine.some((one) => one.prefixBits <= prefixBits && networkContains(one, address))
  }
  return allowedIps.length === 0 || !allowedIps.every(isWithin)
}
