/**
 * The audit log: who changed which object, when and from where, with what was there before and after. Each
 * entry is written in the commit of its change, so there is no change without one and no entry without its
 * change. Secrets are never in it: of those it says only that they changed.
 */
import type { AccountId } from '#base/id.ts'
import { hex, u48 } from '#kv/key.ts'
import { json } from '#kv/codec.ts'
import { globalTable } from '#kv/table.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Fields, Values } from '#settings/values.ts'
import type { Actor, ManagedObject } from './managed-object.ts'

export type AuditVerb = 'create' | 'update' | 'destroy' | 'action'

export interface AuditRow {
  readonly actor: string
  /** 0: the administrator without an account. */
  readonly actorId: number
  readonly ip: string
  readonly protocol: string
  readonly verb: AuditVerb
  readonly object: string
  readonly id: string
  /** Whose, of objects that every account has. */
  readonly account?: AccountId
  /** What it is called, where it has a name. */
  readonly name: string
  readonly before: Values
  readonly after: Values
}

/** When, in milliseconds, and a number of its own. */
export const auditTable = globalTable({
  name: 'audit',
  letter: 'u',
  key: [u48(), hex(4)],
  value: json<AuditRow>(),
})

/** The key of the entry that was written last, which need not be the newest: a clock may go back. */
const lastAuditTable = globalTable({
  name: 'last-audit',
  letter: 'W',
  key: [],
  value: json<readonly [atMs: number, nonce: string]>(),
})

/** Another one after every entry. */
export async function auditState(tx: ReadTx): Promise<readonly [atMs: number, nonce: string]> {
  const last = await tx.get(lastAuditTable)
  // Of releases before.
  return last ?? (await listAudit(tx, { limit: 1 }))[0]?.[0] ?? [0, '0']
}

function write(tx: WriteTx, { atMs, nonce }: { atMs: number; nonce: string }, row: AuditRow): void {
  tx.put(auditTable, [atMs, nonce], row)
  tx.put(lastAuditTable, [], [atMs, nonce])
}

export const auditId = ([at, nonce]: readonly [number, string]): string => `${at.toString(36)}-${nonce}`

export function auditKey(id: string): readonly [number, string] | undefined {
  const match = /^([0-9a-z]{1,9})-([0-9a-f]{8})$/.exec(id)
  const at = match === null ? 0 : Number.parseInt(match[1]!, 36)
  return match === null || at >= 2 ** 48 ? undefined : [at, match[2]!]
}

export interface AuditedChange {
  readonly verb: AuditVerb
  readonly object: Pick<ManagedObject, 'name' | 'fields' | 'proofs'>
  readonly id: string
  readonly account?: AccountId
  readonly before: Values
  readonly after: Values
  /** What was given: names the secrets that changed. */
  readonly given: Values
}

/** Writes the entry of a change. `nonce`: eight hex digits. */
export function audit(
  tx: WriteTx,
  key: { atMs: number; nonce: string },
  actor: Actor,
  change: AuditedChange,
): void {
  const { verb, object, id, account, before, after, given } = change
  const differing = changedFields(object.fields, before, after)
  const secrets = Object.keys(given).filter(
    (name) => object.fields[name]?.kind === 'secret' && object.proofs?.includes(name) !== true,
  )
  const marks = Object.fromEntries(secrets.map((name) => [name, '(changed)']))
  const name = after['name'] ?? before['name']
  write(tx, key, {
    actor: actor.name,
    actorId: actor.account,
    ip: actor.ip,
    protocol: actor.protocol,
    verb,
    object: object.name,
    id,
    ...(account === undefined ? {} : { account }),
    name: typeof name === 'string' ? name : '',
    before: pick(before, differing),
    after: { ...pick(after, differing), ...marks },
  })
}

/** Writes the entry of one change to many objects: which ones, and what was asked for. */
export function auditMany(
  tx: WriteTx,
  key: { atMs: number; nonce: string },
  { name, account, ip, protocol }: Actor,
  change: Pick<AuditedChange, 'verb' | 'object' | 'given'> & { readonly ids: readonly string[] },
): void {
  const { verb, object, ids, given } = change
  const isSecret = (property: string): boolean => object.fields[property]?.kind === 'secret'
  const shown = Object.entries(given).map(([property, value]) => [
    property,
    isSecret(property) ? '(changed)' : value,
  ])
  const who = { actor: name, actorId: account, ip, protocol }
  const what = { verb, object: object.name, id: '', name: '', before: {} }
  write(tx, key, { ...who, ...what, after: { ...Object.fromEntries(shown), ids } })
}

/** Writes the entry of something that was done and changed no object; `outcome` has no secrets. */
export function auditAction(
  tx: WriteTx,
  key: { atMs: number; nonce: string },
  { name, account, ip, protocol }: Omit<Actor, 'permissions'>,
  action: string,
  outcome: Values,
): void {
  const who = { actor: name, actorId: account, ip, protocol }
  const what = { verb: 'action', object: action, id: '', name: '', before: {}, after: outcome } as const
  write(tx, key, { ...who, ...what })
}

const pick = (values: Values, names: readonly string[]): Values =>
  Object.fromEntries(names.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]))

/** What people can set and what differs; what the server counts is no change of theirs. */
const changedFields = (fields: Fields, before: Values, after: Values): readonly string[] =>
  Object.entries(fields)
    .filter(([, field]) => field.kind !== 'secret' && field.settable !== 'never')
    .map(([name]) => name)
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))

/** Newest first. */
export function listAudit(
  tx: ReadTx,
  o: { before?: readonly [number, string]; limit: number },
): Promise<readonly (readonly [readonly [number, string], AuditRow])[]> {
  return tx.list(auditTable, [], {
    reverse: true,
    limit: o.limit,
    ...(o.before === undefined ? {} : { after: o.before }),
  })
}

/** Removes entries older than `beforeMs`, some at a time; true when there are more. */
export async function trimAudit(tx: WriteTx, beforeMs: number, limit: number): Promise<boolean> {
  const old = await tx.list(auditTable, [], { limit })
  const gone = old.filter(([[at]]) => at < beforeMs)
  for (const [key] of gone) tx.delete(auditTable, key)
  return gone.length === limit
}
