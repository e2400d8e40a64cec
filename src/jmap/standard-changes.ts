/** Foo/changes (RFC 8620 §5.2), from the change log. */
import type { Permission } from '#account/permission.ts'
import type { AccountId, DataType, Modseq } from '#base/id.ts'
import { type ChangesSince, changesSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { TypeStates } from '#kv/type-states.ts'
import type { OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
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
   * own account nothing is asked. Throws MethodError `cannotCalculateChanges`.
   */
  /** `visible` is asked of the own account too: not all that the log tells of is there for clients. */
  readonly asksAlways?: true
  visible(call: Call, account: OpenAccount, found: ChangesSince, o: VisibleOptions): Promise<ChangesSince>
  /** Members of the response besides those of every /changes. */
  readonly more?: (found: ChangesSince) => JsonObject
}

export interface VisibleOptions {
  readonly since: Modseq
  /** So many changes that are not in the log can be told. */
  readonly most: number
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
      const since = knownState(account, sinceState!)
      if (since === undefined) throw cannotCalculate()
      const found = await db.read((tx) =>
        readChanges(tx, { states, account: account.id, type, since, limit }),
      )
      if (found === undefined) throw cannotCalculate()
      const seen =
        account.isOwn && of.asksAlways !== true
          ? found
          : await of.visible(call, account, found, { since: since.from, most })
      const { created, updated, destroyed, ...told } = pageOf(account, seen, since, limit)
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

/**
 * What a client knows: all up to `from`, and where one commit changed more than it wanted to hear of at once, of those
 * up to `to` what has a number up to `last`: what is different by then when it asks for more does not move the rest.
 */
interface KnownState {
  readonly from: Modseq
  readonly to: Modseq | undefined
  readonly last: number
}

function knownState(account: OpenAccount, state: string): KnownState | undefined {
  const [from, to, last, ...rest] = account.numbersOf(state) ?? []
  if (from === undefined || rest.length > 0) return undefined
  if (to === undefined) return { from, to, last: 0 }
  return last === undefined ? undefined : { from, to, last }
}

interface Wanted {
  readonly states: TypeStates
  readonly account: AccountId
  readonly type: DataType
  readonly since: KnownState
  readonly limit: number
}

async function readChanges(
  tx: ReadTx,
  { states, account, type, since, limit }: Wanted,
): Promise<ChangesSince | undefined> {
  if ((since.to ?? since.from) > (await tx.sequence(account))) return undefined
  const most = since.to === undefined ? limit : Number.POSITIVE_INFINITY
  const changes = await changesSince(tx, account, type, since.from, most, since.to)
  if (changes === 'tooOld') return undefined
  const latest = await states.read(tx, account, type)
  if (since.to !== undefined) return { ...changes, to: since.to, more: latest > since.to }
  // The end of the log is the state that /get tells; nobody is sent back in time.
  return changes.more ? changes : { ...changes, to: Math.max(latest, since.from) as Modseq }
}

/** As many changes as fit behind those that the client knows. */
function pageOf(account: OpenAccount, found: ChangesSince, since: KnownState, limit: number): Page {
  const rest = [...found.created, ...found.updated, ...found.destroyed]
    .filter((number) => number > since.last)
    .sort((a, b) => a - b)
  const isPart = rest.length > limit
  const last = isPart ? rest[limit - 1]! : Number.POSITIVE_INFINITY
  const page = (list: readonly number[]): readonly number[] =>
    list.filter((number) => number > since.last && number <= last)
  return {
    newState: isPart ? account.stateOf(since.from, found.to, last) : account.stateOf(found.to),
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
