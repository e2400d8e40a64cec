/**
 * What is asked of management, and how it is committed.
 *
 * What must always hold: changes that were asked for together are one commit with an audit entry each, or
 * nothing; a dry run does everything but commit.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { Fault, invalidProperties, isFault } from '#base/fault.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { Values } from '#settings/values.ts'
import { audit, auditAction, auditMany, type AuditVerb } from './audit.ts'
import type { Actor, ManagedObject, ManyPlan, ObjectHandler, Plan, Scope } from './managed-object.ts'

export interface Shown {
  readonly id: string
  readonly values: Values
  /** Changes when anything that can be set changes; opaque. */
  readonly revision: string
}

/** One of several changes that hold together. */
export interface WantedChange {
  readonly verb: 'create' | 'update' | 'destroy'
  readonly object: string
  /** Id or name, of what is there already. */
  readonly key?: string
  /** As somebody gave it; not for `destroy`. */
  readonly given?: unknown
  /** Fault `conflict` where the object has another revision by now. */
  readonly ifRevision?: string
  /** What is called otherwise where it was given: the name of a wrong property there. */
  readonly called?: (property: string) => string
}

/** A change that was read and thought through. */
export interface PreparedChange {
  readonly handler: ObjectHandler
  readonly plan: Plan
  readonly verb: AuditVerb
  readonly given: Values
  /** Undefined for what is created. */
  readonly id: string | undefined
  readonly ifRevision: string | undefined
  readonly called: ((property: string) => string) | undefined
}

/** Ends a dry run inside its transaction, so that nothing of it is written. */
class DryRun extends Error {
  readonly results: readonly Shown[]
  constructor(results: readonly Shown[]) {
    super('a dry run')
    this.results = results
  }
}

export class ChangeCommitter {
  readonly #db: Db
  readonly #clock: Clock
  #changes = 0

  constructor(o: { db: Db; clock: Clock }) {
    this.#db = o.db
    this.#clock = o.clock
  }

  /** What each object is like afterwards, or was before it went, in the order of the changes. */
  async commit(
    changes: readonly PreparedChange[],
    scope: Scope,
    o: { readonly dryRun: boolean },
  ): Promise<readonly Shown[]> {
    const atMs = this.#clock.now()
    const nonces = changes.map(() => this.#nextNonce())
    const accounts = [...new Set(changes.flatMap(({ plan }) => plan.accounts))]
    try {
      return await this.#db.write(accounts, async (tx) => {
        // All as they were first: one change may show in what another one's object looks like.
        const before: Values[] = []
        for (const change of changes) before.push(await asExpected(tx, change, scope))
        const results: Shown[] = []
        for (const [i, change] of changes.entries()) {
          const key = { atMs, nonce: nonces[i]! }
          results.push(await apply(tx, change, before[i]!, scope, key).catch(renaming(change.called)))
        }
        if (o.dryRun) throw new DryRun(results)
        return results
      })
    } catch (error) {
      if (error instanceof DryRun) return error.results
      throw error
    }
  }

  /** Some of many: those that were changed, with one audit entry for all of them. */
  async commitMany(
    plan: ManyPlan,
    ids: readonly string[],
    actor: Actor,
    change: { readonly verb: 'update' | 'destroy'; readonly object: ManagedObject; readonly given: Values },
  ): Promise<number> {
    const key = { atMs: this.#clock.now(), nonce: this.#nextNonce() }
    const accounts = (await plan.accounts?.(ids)) ?? []
    return this.#db.write(accounts, async (tx) => {
      const changed = await plan.apply(tx, ids)
      if (changed.length > 0) auditMany(tx, key, actor, { ...change, ids: changed })
      return changed.length
    })
  }

  /** The audit entry of what was done and changed no object. */
  async record(actor: Actor, action: string, outcome: Values): Promise<void> {
    const key = { atMs: this.#clock.now(), nonce: this.#nextNonce() }
    await this.#db.write([], async (tx) => auditAction(tx, key, actor, action, outcome))
  }

  /** Rises, so that changes of one millisecond stay in order; the rest keeps workers apart. */
  #nextNonce(): string {
    this.#changes = (this.#changes + 1) % 0x10000
    return this.#changes.toString(16).padStart(4, '0') + randomBytes(2).toString('hex')
  }
}

async function asExpected(
  tx: WriteTx,
  { handler, id, ifRevision }: PreparedChange,
  scope: Scope,
): Promise<Values> {
  const { object } = handler
  const values = id === undefined ? {} : await handler.read(tx, id, scope)
  if (values === undefined) throw noSuch(object)
  if (ifRevision !== undefined && ifRevision !== revisionOf(object, values))
    throw new Fault('conflict', `${object.name} was changed by somebody else meanwhile`, { stale: true })
  return values
}

async function apply(
  tx: WriteTx,
  { handler, plan, verb, given }: PreparedChange,
  before: Values,
  scope: Scope,
  key: { atMs: number; nonce: string },
): Promise<Shown> {
  const { object } = handler
  const id = await plan.apply(tx)
  const after = verb === 'destroy' ? {} : ((await handler.read(tx, id, scope)) ?? {})
  const whose = object.ofAccount === true ? { account: scope.account } : {}
  audit(tx, key, scope.actor, { verb, object, id, ...whose, before, after, given })
  return shown(object, id, verb === 'destroy' ? before : after)
}

/** For a catch: wrong properties are told by the names that they were given under. */
export const renaming =
  (called: PreparedChange['called']) =>
  (error: unknown): never => {
    if (called === undefined || !isFault(error, 'invalid')) throw error
    const { problems, properties } = error.detail
    if (problems !== undefined)
      throw invalidProperties(problems.map((one) => ({ ...one, property: called(one.property) })))
    const detail = properties === undefined ? {} : { properties: properties.map(called) }
    throw new Fault('invalid', error.publicText, detail, { cause: error })
  }

export const noSuch = (object: ManagedObject): Fault =>
  new Fault('notFound', `There is no such ${object.name}.`, { what: object.name })

export const shown = (object: ManagedObject, id: string, values: Values): Shown => ({
  id,
  values,
  revision: revisionOf(object, values),
})

function revisionOf(object: ManagedObject, values: Values): string {
  const settable = Object.keys(object.fields)
    .filter((name) => object.fields[name]!.settable !== 'never')
    .map((name) => values[name])
  return createHash('sha256').update(JSON.stringify(settable)).digest('base64url').slice(0, 16)
}
