/**
 * Foo/set (RFC 8620 §5.3), of what is particular to a type. All objects of a call are one commit, each of them in
 * an attempt of its own: one that is refused leaves nothing behind and does not stop the others.
 *
 * What must always hold: the answer comes after the commit is durable; the body of the commit may run again, so
 * what it finds out is put together anew each time, and creation ids are known to other calls only when it is done.
 */
import type { Permission } from '#account/permission.ts'
import { isFault } from '#base/fault.ts'
import type { AccountId, DataType, Modseq } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { OpenAccount } from './accounts.ts'
import { objectOf } from './dispatch.ts'
import { MethodError, setErrorOf, SetFault } from './errors.ts'
import { accountField, type Call, type JmapMethod, type MethodResponse, method } from './method.ts'
import { jmapSettings } from './settings.ts'
import {
  anything,
  type Fields,
  isId,
  isObject,
  type Json,
  type JsonObject,
  listOf,
  mapOf,
  nullable,
  type ReadFields,
  string,
  wantedId,
} from './value.ts'

/** The objects of one call; lives as long as one run of the commit's body. */
export interface SetWork {
  /**
   * Each throws a SetFault or another Fault, and what it has put into the transaction is taken back; what it keeps
   * here for `finish` is its own affair. `create` returns the id and what the server chose or changed of the
   * object; `update` what it changed besides what was asked for, null for nothing.
   */
  create(object: JsonObject, creationId: string): Promise<{ readonly id: string; readonly set: JsonObject }>
  update(id: string, patch: JsonObject): Promise<JsonObject | null>
  destroy(id: string): Promise<void>
  /**
   * All objects are done: what they have in common is written. With `SetContext.isTogether`: throws a Fault where
   * they are not as they must be.
   */
  finish?(): Promise<void>
}

export interface SetContext<F extends Fields, P> {
  readonly tx: WriteTx
  readonly call: Call
  readonly account: OpenAccount
  readonly args: ReadFields<F>
  readonly request: SetRequest
  readonly prepared: P
  /** What must hold between objects is not looked at until all are done, by `finish`. */
  readonly isTogether: boolean
  /** As `Call.resolve`, and what this call has created so far. */
  resolve(idOrReference: string): string | undefined
}

/** What was asked for and is still possible; the types' own preparation may refuse objects beforehand. */
export interface SetRequest {
  readonly create: ReadonlyMap<string, JsonObject>
  readonly update: ReadonlyMap<string, JsonObject>
  readonly destroy: readonly string[]
}

export interface SetType<F extends Fields, P> {
  readonly type: DataType
  readonly using: string
  readonly standard: string
  readonly permission?: Permission
  /** Arguments besides those of every /set. */
  readonly more?: F
  /** What must wait for something else than the store, before the commit: bytes that are staged, say. */
  prepare(call: Call, account: OpenAccount, request: SetRequest, args: ReadFields<F>): Promise<P>
  /** When the call has ended, however: what was prepared and not used goes. */
  release?(prepared: P): Promise<void>
  begin(context: SetContext<F, P>): Promise<SetWork> | SetWork
  /** Whether objects may only be right together: two that exchange a name that must be unique (RFC 8620 §5.3). */
  readonly isLinked?: true
  /** Accounts that the commit may write to besides the one of the call. */
  readonly alsoWrites?: (call: Call, account: OpenAccount, prepared: P) => readonly AccountId[]
  /** Responses behind that of the call itself (RFC 8621 §7.5). */
  readonly after?: (
    call: Call,
    account: OpenAccount,
    result: SetResult,
    args: ReadFields<F>,
    prepared: P,
  ) => Promise<readonly MethodResponse[]>
}

/** What became of a call, by the ids and creation ids of the client. */
export interface SetResult {
  readonly oldState: string
  readonly newState: string
  readonly created: ReadonlyMap<string, { readonly id: string; readonly set: JsonObject }>
  readonly updated: ReadonlyMap<string, JsonObject | null>
  readonly destroyed: readonly string[]
  readonly notCreated: ReadonlyMap<string, JsonObject>
  readonly notUpdated: ReadonlyMap<string, JsonObject>
  readonly notDestroyed: ReadonlyMap<string, JsonObject>
}

const objects = mapOf(string, anything)

/** The arguments of every /set. */
export const setFields = {
  ...accountField,
  ifInState: nullable(string),
  create: nullable(objects),
  update: nullable(objects),
  destroy: nullable(listOf(wantedId)),
} as const

export function standardSet<const F extends Fields = Fields, P = undefined>(of: SetType<F, P>): JmapMethod {
  const { type, using, standard, permission } = of
  const fields = { ...setFields, ...of.more }
  return method({
    name: `${type}/set`,
    using,
    standard,
    ...(permission === undefined ? {} : { permission }),
    arguments: fields,
    required: ['accountId'],
    async call(call, all) {
      const args = all as ReadFields<F> & SetArguments
      const account = await call.account(args.accountId!)
      const request = requestOf(call, args)
      const prepared = await of.prepare(call, account, request, args)
      try {
        const result = await commit(of, { call, account, request, args, prepared })
        for (const [creationId, { id }] of result.created) call.createdIds.set(creationId, id)
        const more = (await of.after?.(call, account, result, args, prepared)) ?? []
        return [{ arguments: responseOf(account, result) }, ...more]
      } finally {
        await of.release?.(prepared)
      }
    },
  })
}

type SetArguments = ReadFields<typeof setFields>

/** What is to be done. Throws MethodError `requestTooLarge` and `invalidArguments`. */
export function requestOf(call: Call, { create, update, destroy }: SetArguments): SetRequest {
  const most = call.services.settings.get(jmapSettings).setMaxObjects
  const count = (create?.size ?? 0) + (update?.size ?? 0) + (destroy?.length ?? 0)
  if (count > most)
    throw new MethodError('requestTooLarge', `At most ${most} objects can be changed in one call.`)
  for (const name of create?.keys() ?? [])
    if (!isId(name))
      throw new MethodError('invalidArguments', 'A creation id must be an id.', { arguments: ['create'] })
  return {
    create: inOrderOfNeed(eachObject(create, 'create')),
    update: eachObject(update, 'update'),
    destroy: [...new Set(destroy)],
  }
}

function eachObject(
  given: ReadonlyMap<string, Json> | null | undefined,
  name: string,
): Map<string, JsonObject> {
  const found = new Map<string, JsonObject>()
  for (const [key, value] of given ?? []) {
    if (!isObject(value))
      throw new MethodError('invalidArguments', `Each value of "${name}" must be an object.`, {
        arguments: [name],
      })
    found.set(key, value)
  }
  return found
}

/** What is named by another one of the same call comes before it; circles stay as they are, and fail. */
function inOrderOfNeed(create: ReadonlyMap<string, JsonObject>): ReadonlyMap<string, JsonObject> {
  if (create.size < 2) return create
  const ordered = new Map<string, JsonObject>()
  const begun = new Set<string>()
  const visit = (name: string, object: JsonObject): void => {
    if (begun.has(name)) return
    begun.add(name)
    for (const value of Object.values(object)) {
      const named = typeof value === 'string' && value.startsWith('#') ? value.slice(1) : undefined
      const needed = named === undefined ? undefined : create.get(named)
      if (needed !== undefined) visit(named!, needed)
    }
    ordered.set(name, object)
  }
  for (const [name, object] of create) visit(name, object)
  return ordered
}

interface Work<F extends Fields, P> {
  readonly call: Call
  readonly account: OpenAccount
  readonly request: SetRequest
  readonly args: ReadFields<F> & SetArguments
  readonly prepared: P
}

async function commit<F extends Fields, P>(of: SetType<F, P>, o: Work<F, P>): Promise<SetResult> {
  const { call, account, args } = o
  const { db, states } = call.services
  let number: Modseq | undefined
  const others = of.alsoWrites?.(call, account, o.prepared) ?? []
  const result = await db.write(
    [...new Set([account.id, ...others])],
    async (tx) => {
      const before = await states.before(tx, account.id, of.type)
      assertState(account, args.ifInState, before, tx.modseq(account.id))
      return { ...(await run(of, o, tx)), oldState: account.stateOf(before) }
    },
    { onCommit: (numbers) => (number = numbers.get(account.id)) },
  )
  return { ...result, newState: number === undefined ? result.oldState : account.stateOf(number) }
}

/** Whether nothing of the type has changed since the state was given out. Throws MethodError `stateMismatch`. */
export function assertState(
  account: OpenAccount,
  given: string | null | undefined,
  current: Modseq,
  next: Modseq,
): void {
  if (given === null || given === undefined) return
  const known = account.numberOf(given)
  if (known === undefined || known < current || known >= next) throw new MethodError('stateMismatch')
}

type Done = Omit<SetResult, 'oldState' | 'newState'>

/**
 * RFC 8620 §5.3: all at once where what comes out of it is right, whatever there is in between; otherwise one after
 * the other.
 */
async function run<F extends Fields, P>(of: SetType<F, P>, o: Work<F, P>, tx: WriteTx): Promise<Done> {
  const { create, update, destroy } = o.request
  if (of.isLinked === true && create.size + update.size + destroy.length > 1) {
    const done = await tx.attempt(async () => {
      const all = await runEach(of, o, tx, true)
      if (all.notCreated.size + all.notUpdated.size + all.notDestroyed.size > 0) throw notFound()
      return all
    })
    if (!isFault(done)) return done
  }
  return runEach(of, o, tx, false)
}

function runEach<F extends Fields, P>(
  of: SetType<F, P>,
  { call, account, request, args, prepared }: Work<F, P>,
  tx: WriteTx,
  isTogether: boolean,
): Promise<Done> {
  return runSet(tx, call, request, (resolve) =>
    of.begin({ tx, call, account, args, request, prepared, resolve, isTogether }),
  )
}

/** The objects of a call, each in an attempt of its own. */
export async function runSet(
  tx: WriteTx,
  call: Call,
  request: SetRequest,
  begin: (resolve: SetContext<Fields, unknown>['resolve']) => Promise<SetWork> | SetWork,
): Promise<Done> {
  const created = new Map<string, { id: string; set: JsonObject }>()
  const updated = new Map<string, JsonObject | null>()
  const destroyed: string[] = []
  const notCreated = new Map<string, JsonObject>()
  const notUpdated = new Map<string, JsonObject>()
  const notDestroyed = new Map<string, JsonObject>()
  const resolve = (text: string): string | undefined =>
    (text.startsWith('#') ? created.get(text.slice(1))?.id : undefined) ?? call.resolve(text)
  const work = await begin(resolve)
  for (const [creationId, object] of request.create) {
    const done = await tx.attempt(() => work.create(object, creationId))
    if (isFault(done)) notCreated.set(creationId, setErrorOf(done))
    else created.set(creationId, done)
  }
  // RFC 8620 §5.3: an object that is to be destroyed as well need not be updated.
  const leaving = new Set(request.destroy.map((id) => resolve(id)))
  for (const [id, patch] of request.update) {
    const known = resolve(id)
    const done = await tx.attempt(async () => {
      if (known === undefined) throw notFound()
      if (leaving.has(known)) throw new SetFault('willDestroy')
      return work.update(known, patch)
    })
    if (isFault(done)) notUpdated.set(id, setErrorOf(done))
    else updated.set(known!, done)
  }
  for (const id of request.destroy) {
    const known = resolve(id)
    const done = await tx.attempt(async () => {
      if (known === undefined) throw notFound()
      await work.destroy(known)
    })
    if (isFault(done)) notDestroyed.set(id, setErrorOf(done))
    else destroyed.push(known!)
  }
  await work.finish?.()
  return { created, updated, destroyed, notCreated, notUpdated, notDestroyed }
}

export const notFound = (): SetFault => new SetFault('notFound')

export const responseOf = (account: OpenAccount, result: SetResult): JsonObject => ({
  accountId: account.text,
  oldState: result.oldState,
  newState: result.newState,
  ...outcomeOf(result),
})

/** Of objects that have no state. RFC 8620 §5.3: null where there is nothing. */
export function outcomeOf(result: Done): JsonObject {
  const orNull = (map: ReadonlyMap<string, Json>): JsonObject | null =>
    map.size === 0 ? null : objectOf(map)
  const created = [...result.created].map(([name, { id, set }]) => [name, { ...set, id }] as const)
  return {
    created: orNull(new Map(created)),
    updated: orNull(result.updated),
    destroyed: result.destroyed.length === 0 ? null : result.destroyed,
    notCreated: orNull(result.notCreated),
    notUpdated: orNull(result.notUpdated),
    notDestroyed: orNull(result.notDestroyed),
  }
}
