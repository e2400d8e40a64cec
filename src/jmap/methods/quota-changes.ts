/** Quota/changes (RFC 9425 §4.3): with `updatedProperties` where nothing but `used` changed. */
import { MethodError } from '../errors.ts'
import { accountField, method } from '../method.ts'
import {
  inOrder,
  type Quota,
  quotaCapability,
  type Quotas,
  quotasOfState,
  stateOfQuotas,
  visibleQuotas,
} from '../quota.ts'
import { nullable, positiveInt, string } from '../value.ts'

export const quotaChanges = method({
  name: 'Quota/changes',
  using: quotaCapability,
  standard: 'RFC 9425 §4.3',
  permission: 'jmapQuotaChanges',
  arguments: { ...accountField, sinceState: string, maxChanges: nullable(positiveInt) },
  required: ['accountId', 'sinceState'],
  async call(call, { accountId, sinceState, maxChanges }) {
    const account = await call.account(accountId!)
    const before = quotasOfState(sinceState!)
    if (before === undefined) throw cannotCalculate('That state is not known here.')
    const now = await visibleQuotas(call, account)
    const changes = changesOf(before, now)
    const told = changes.slice(0, maxChanges ?? undefined)
    const ids = (how: Change['how']): readonly string[] =>
      told.filter((change) => change.how === how).map(({ id }) => id)
    const isUsageOnly = told.length > 0 && told.every((change) => change.isUsageOnly)
    return [
      {
        arguments: {
          accountId: account.text,
          oldState: sinceState!,
          newState: stateOfQuotas(toldSoFar(before, now, told)),
          hasMoreChanges: told.length < changes.length,
          updatedProperties: isUsageOnly ? ['used'] : null,
          created: ids('created'),
          updated: ids('updated'),
          destroyed: ids('destroyed'),
        },
      },
    ]
  },
})

interface Change {
  readonly id: string
  readonly how: 'created' | 'updated' | 'destroyed'
  readonly isUsageOnly: boolean
}

const byId = (quotas: Quotas): ReadonlyMap<string, Quota> =>
  new Map(quotas.map((quota) => [quota.kind.id, quota]))

function changesOf(before: Quotas, now: Quotas): readonly Change[] {
  const was = byId(before)
  const is = byId(now)
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((id): readonly Change[] => {
    const old = was.get(id)
    const current = is.get(id)
    if (old === undefined) return [{ id, how: 'created', isUsageOnly: false }]
    if (current === undefined) return [{ id, how: 'destroyed', isUsageOnly: false }]
    if (old.used === current.used && old.hardLimit === current.hardLimit) return []
    return [{ id, how: 'updated', isUsageOnly: old.hardLimit === current.hardLimit }]
  })
}

/** The quotas as the client knows them then: where it wants to hear of no more, the others as they were. */
function toldSoFar(before: Quotas, now: Quotas, told: readonly Change[]): Quotas {
  const known = new Map(byId(before))
  const is = byId(now)
  for (const { id } of told) {
    const current = is.get(id)
    if (current === undefined) known.delete(id)
    else known.set(id, current)
  }
  return inOrder([...known.values()])
}

const cannotCalculate = (why: string): MethodError => new MethodError('cannotCalculateChanges', why)
