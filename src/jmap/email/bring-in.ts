/** What Email/import and Email/copy share: new messages in an account, each an attempt of its own, in one commit. */
import { type Fault, isFault } from '#base/fault.ts'
import type { AccountId, Modseq } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { OpenAccount } from '../accounts.ts'
import { objectOf } from '../dispatch.ts'
import { MethodError, setErrorOf } from '../errors.ts'
import type { Call } from '../method.ts'
import { jmapSettings } from '../settings.ts'
import { assertState } from '../standard-set.ts'
import { isId, isObject, type Json, type JsonObject } from '../value.ts'
import { Places } from './metadata.ts'

export interface Arrival {
  readonly id: string
  readonly set: JsonObject
}

export interface BroughtIn {
  readonly created: ReadonlyMap<string, Arrival>
  readonly response: JsonObject
}

export interface BringIn {
  readonly call: Call
  readonly to: OpenAccount
  readonly ifInState: string | null | undefined
  /** Also locked. */
  readonly from?: OpenAccount
  /** Before anything else in the commit. */
  readonly check?: (tx: WriteTx) => Promise<void>
  /** By creation id: what is to be done, or why it cannot be. */
  readonly objects: ReadonlyMap<string, ((tx: WriteTx, places: Places) => Promise<Arrival>) | Fault>
}

export async function bringIn({ call, to, from, ifInState, check, objects }: BringIn): Promise<BroughtIn> {
  const { db, states } = call.services
  let number: Modseq | undefined
  const accounts: AccountId[] = from === undefined ? [to.id] : [to.id, from.id]
  const result = await db.write(
    accounts,
    async (tx) => {
      const before = await states.before(tx, to.id, 'Email')
      assertState(to, ifInState, before, tx.modseq(to.id))
      await check?.(tx)
      const places = await Places.read(tx, to)
      const created = new Map<string, Arrival>()
      const notCreated = new Map<string, JsonObject>()
      for (const [creationId, one] of objects) {
        const done = isFault(one) ? one : await tx.attempt(() => one(tx, places))
        if (isFault(done)) notCreated.set(creationId, setErrorOf(done))
        else created.set(creationId, done)
      }
      return { created, notCreated, oldState: to.stateOf(before) }
    },
    { onCommit: (numbers) => (number = numbers.get(to.id)) },
  )
  const { created, notCreated, oldState } = result
  for (const [creationId, { id }] of created) call.createdIds.set(creationId, id)
  const sets = [...created].map(([creationId, { set }]) => [creationId, set] as const)
  return {
    created,
    response: {
      accountId: to.text,
      oldState,
      newState: number === undefined ? oldState : to.stateOf(number),
      created: created.size === 0 ? null : objectOf(sets),
      notCreated: notCreated.size === 0 ? null : objectOf(notCreated),
    },
  }
}

/** The objects of such a call. Throws MethodError `requestTooLarge` and `invalidArguments`. */
export function objectsToBringIn(
  call: Call,
  given: ReadonlyMap<string, Json>,
  name: string,
): ReadonlyMap<string, JsonObject> {
  const most = call.services.settings.get(jmapSettings).setMaxObjects
  if (given.size > most)
    throw new MethodError('requestTooLarge', `At most ${most} objects can be created in one call.`)
  const found = new Map<string, JsonObject>()
  for (const [creationId, value] of given) {
    if (!isId(creationId) || !isObject(value))
      throw new MethodError('invalidArguments', 'Each must be an object under a creation id.', {
        arguments: [name],
      })
    found.set(creationId, value)
  }
  return found
}
