/** Foo/changes (RFC 8620 §5.2), from the change log. */
import type { Permission } from '#account/permission.ts'
import type { DataType, Modseq } from '#base/id.ts'
import { type ChangesSince, changesSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { TypeStates } from '#kv/type-states.ts'
import type { OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
import { type KnownState, partStateOf, readKnownState } from './known-state.ts'
import { accountField, type Call, type JmapMethod, method } from './method.ts'
import { jmapSettings } from './settings.ts'
import { type JsonObject, nullable, positiveInt, string } from './value.ts'

export interface ChangesType {
  readonly type: DataType
  readonly using: string
  readonly standard: string
  readonly permission?: Permission
  /** Before the log is read: whether it may be, and what has to be written down first. */
  readonly prepare?: (call: Call, account: OpenAccount) => Promise<void>
  /** The id that clients know, of a number of the change log. */
  idOf(account: OpenAccount, number: number): string
  /**
   * Of an account that is shared, what the user is told: who may not see an object must not learn of it. For the
   * own account nothing is asked. Once there are more than `step.limit` of numbers above `step.last`, those of higher
   * numbers than these may be left out. Throws MethodError `cannotCalculateChanges`.
   */
  visible(call: Call, found: ChangesSince, step: Step): Promise<ChangesSince>
  /** `visible` is asked of the own account too: not all that the log tells of is there for clients. */
  readonly asksAlways?: true
  /** Members of the response besides those of every /changes. */
  readonly more?: (found: ChangesSince) => JsonObject
}

/** From what a client knows to what it is told. */
export interface Step {
  readonly since: Modseq
  /** The account as the user saw it, and as they see it: not the same where groups have come or gone. */
  readonly before: OpenAccount
  readonly now: OpenAccount
  /** The changes of numbers up to this one have been told, and not more than `limit` of the others will be. */
  readonly last: number
  readonly limit: number
}

export function standardChanges(of: ChangesType): JmapMethod {
  const { type, using, standard, permission } = of
  return method({
    name: `${type}/changes`,
    using,
    standard,
    ...(permission === undefined ? {} : { permission }),
    arguments: { ...accountField, sinceState: string, maxChanges: nullable(positiveInt) },
    required: ['accountId', 'sinceState'],
    async call(call, { accountId, sinceState, maxChanges }) {
      const account = await call.account(accountId!)
      await of.prepare?.(call, account)
      const { db, settings, states } = call.services
      const most = settings.get(jmapSettings).changesMaxResults
      const limit = Math.min(maxChanges ?? most, most)
      const { found, since } = await db.read(async (tx) => {
        const known = await readKnownState(tx, account, sinceState!)
        if (known === undefined) throw cannotCalculate()
        const log = await readChanges(tx, { states, account, type, since: known, limit })
        if (log === undefined) throw cannotCalculate()
        return { found: log, since: known }
      })
      const { from, before, part } = since
      const step = { since: from, before, now: part?.now ?? account, last: part?.last ?? 0, limit }
      const seen = account.isOwn && of.asksAlways !== true ? found : await of.visible(call, found, step)
      const { created, updated, destroyed, ...told } = pageOf(seen, since, step)
      const ids = (numbers: readonly number[]): readonly string[] => numbers.map((n) => of.idOf(account, n))
      return [
        {
          arguments: {
            accountId: account.text,
            oldState: sinceState!,
            ...told,
            created: ids(created),
            updated: ids(updated),
            destroyed: ids(destroyed),
            ...of.more?.(seen),
          },
        },
      ]
    },
  })
}

interface Wanted {
  readonly states: TypeStates
  readonly account: OpenAccount
  readonly type: DataType
  readonly since: KnownState
  readonly limit: number
}

async function readChanges(
  tx: ReadTx,
  { states, account, type, since: { from, part }, limit }: Wanted,
): Promise<ChangesSince | undefined> {
  const { id } = account
  if ((part?.to ?? from) > (await tx.sequence(id))) return undefined
  // What guests see follows from who they are as well: at a commit in between that may be nothing they ever saw. And
  // nothing may be told as created that was told as destroyed before (RFC 8620 §5.2): what was restored is told once.
  const isWhole = part !== undefined || !account.isOwn || from < (await states.read(tx, id, 'Restored'))
  const most = isWhole ? Number.POSITIVE_INFINITY : limit
  const changes = await changesSince(tx, id, type, from, most, part?.to)
  if (changes === 'tooOld') return undefined
  const latest = await states.read(tx, id, type)
  if (part !== undefined) return { ...changes, to: part.to, more: latest > part.to || part.now !== account }
  // The end of the log is the state that /get tells; nobody is sent back in time.
  return changes.more ? changes : { ...changes, to: Math.max(latest, from) as Modseq }
}

/** As many changes as fit behind those that the client knows. */
function pageOf(found: ChangesSince, since: KnownState, { now, last: known, limit }: Step): Page {
  const rest = [...found.created, ...found.updated, ...found.destroyed]
    .filter((number) => number > known)
    .sort((a, b) => a - b)
  const isPart = rest.length > limit
  const last = isPart ? rest[limit - 1]! : Number.POSITIVE_INFINITY
  const page = (list: readonly number[]): readonly number[] =>
    list.filter((number) => number > known && number <= last)
  return {
    newState: isPart ? partStateOf({ ...since, part: { to: found.to, last, now } }) : now.stateOf(found.to),
    hasMoreChanges: isPart || found.more,
    created: page(found.created),
    updated: page(found.updated),
    destroyed: page(found.destroyed),
  }
}

interface Page extends Pick<ChangesSince, 'created' | 'updated' | 'destroyed'> {
  readonly newState: string
  readonly hasMoreChanges: boolean
}

export const cannotCalculate = (): MethodError =>
  new MethodError('cannotCalculateChanges', 'What changed since then is not known any more.')

/**
 * How objects changed, by `changeOf`, which is asked of some at a time: those that were not told before, in the order of
 * their numbers, and no more than are needed.
 */
export async function changesOf<N extends number>(
  found: ChangesSince,
  numbers: Iterable<N>,
  { last, limit }: Pick<Step, 'last' | 'limit'>,
  changeOf: (some: readonly N[]) => Promise<readonly (How | undefined)[]>,
): Promise<ChangesSince> {
  const rest = [...new Set(numbers)].filter((number) => number > last).sort((a, b) => a - b)
  const told: Record<How, number[]> = { created: [], updated: [], destroyed: [] }
  let count = 0
  for (let at = 0; at < rest.length && count <= limit; at += askedAtOnce) {
    const some = rest.slice(at, at + askedAtOnce)
    for (const [i, how] of (await changeOf(some)).entries()) {
      if (how === undefined) continue
      told[how].push(some[i]!)
      count++
    }
  }
  return { ...found, ...told }
}

const askedAtOnce = 512

export type How = 'created' | 'updated' | 'destroyed'
