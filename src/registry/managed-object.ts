/**
 * Objects that people and programs manage: accounts, domains, settings. One declaration and one handler each;
 * REST, JMAP, the command line and the reference are made of them, so nothing may be possible in one only.
 *
 * A handler knows its rows and rules. It does not know who asks over which protocol, does not check the
 * permission to call it, and does not audit: `management.ts` does that for all of them.
 */
import type { AccountId } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Fields, Values } from '#settings/values.ts'

export interface ManagedObject {
  /** As in the permissions: `Account` goes with `sysAccountGet`. Unique. */
  readonly name: string
  readonly title: string
  readonly help: string
  /** `singleton`: there is one, with the id `singleton`. `record`: the server makes it, and no plan holds it. */
  readonly kind: 'singleton' | 'collection' | 'record'
  /** Everybody has their own: it is read and written under the account that it is of. */
  readonly ofAccount?: true
  readonly fields: Fields
  /** What a query may ask for. */
  readonly filters: Fields
  /** Secret fields that prove who asks and change nothing. */
  readonly proofs?: readonly string[]
}

export const singletonId = 'singleton'

/** Somebody who signed in, as far as management minds. */
export interface Actor {
  /** 0: the administrator without an account. */
  readonly account: AccountId
  readonly name: string
  readonly permissions: ReadonlySet<string>
  /** The app password or API key that was signed in with. */
  readonly credential?: number | undefined
  /** Who acts as the account, where that is another. */
  readonly by?: AccountId | undefined
  readonly ip: string
  /** `http`, `jmap`, ... */
  readonly protocol: string
}

export interface Scope {
  readonly actor: Actor
  /** Whose objects, for those of an account; the actor's own where nothing else was said. */
  readonly account: AccountId
}

/** A change that was thought through and waits for its commit. */
export interface Plan {
  /** Whose rows it touches. */
  readonly accounts: readonly AccountId[]
  /** Awaits only `tx`, may run again. Throws Faults. Returns the object's id. */
  apply(tx: WriteTx): Promise<string>
  /** Once it is durable: tells others to forget what they remember. */
  committed?(id: string): void
  /** What the creator sees now and nobody ever again, such as a secret that was made up. */
  readonly shownOnce?: Values
}

/** The same change to many objects, some at a time. */
export interface ManyPlan {
  /** Whose rows the change to these touches. */
  accounts?(ids: readonly string[]): Promise<readonly AccountId[]>
  /** Awaits only `tx`, may run again. Returns those that it changed: what is gone or busy stays as it is. */
  apply(tx: WriteTx, ids: readonly string[]): Promise<readonly string[]>
  /** Once all is done, or as much of it as could be. */
  finished?(): void
}

/** Of objects of which there may be more than fit one commit. */
export interface ManyHandler {
  /** Those that match, some at a time, while others change them. */
  search(filter: Values, scope: Scope): AsyncIterable<readonly string[]>
  /** `patch` as for `update`; undefined destroys. */
  changeMany(patch: Values | undefined, scope: Scope): Promise<ManyPlan>
}

export interface QueryRequest {
  /** Read by the object's `filters`. */
  readonly filter: Values
  /** How many to skip. */
  readonly position: number
  readonly limit: number
}

export interface QueryResult {
  readonly ids: readonly string[]
  readonly total: number
  /** There may be more than `total`: counting them all would take too long. */
  readonly isMore?: true
}

export interface ObjectHandler {
  readonly object: ManagedObject
  /** The id that a name or an id stands for; undefined where there is none. */
  locate(tx: ReadTx, key: string, scope: Scope): Promise<string | undefined>
  /** As it is shown: no secrets. */
  read(tx: ReadTx, id: string, scope: Scope): Promise<Values | undefined>
  /** In the order in which people look for them. */
  query(request: QueryRequest, scope: Scope): Promise<QueryResult>
  /** `values` were read by the fields, absent ones are to have their fallbacks. May look up and wait. */
  create?(values: Values, scope: Scope): Promise<Plan>
  /** `patch` has what is to change. */
  update?(id: string, patch: Values, scope: Scope): Promise<Plan>
  destroy?(id: string, scope: Scope): Promise<Plan>
  readonly many?: ManyHandler
}
