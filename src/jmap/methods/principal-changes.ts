/** Principal/changes (RFC 9670 §2.2): from what the user was told before, while that is remembered. */
import { accountField, method } from '../method.ts'
import { principalsCapability, seenPrincipals } from '../principals.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { nullable, positiveInt, string } from '../value.ts'

export const principalChanges = method({
  name: 'Principal/changes',
  using: principalsCapability,
  standard: 'RFC 9670 §2.2',
  permission: 'jmapPrincipalChanges',
  arguments: { ...accountField, sinceState: string, maxChanges: nullable(positiveInt) },
  required: ['accountId', 'sinceState'],
  async call(call, { accountId, sinceState, maxChanges }) {
    const account = await call.account(accountId!)
    const { state } = await seenPrincipals(call, account)
    const changes = call.services.principalHistory.changes(sinceState!, state)
    if (changes === undefined) throw cannotCalculate()
    const { created, updated, destroyed } = changes
    // There is no state in between that could be told.
    if (created.length + updated.length + destroyed.length > (maxChanges ?? Number.POSITIVE_INFINITY))
      throw cannotCalculate()
    return [
      {
        arguments: {
          accountId: account.text,
          oldState: sinceState!,
          newState: state,
          hasMoreChanges: false,
          created,
          updated,
          destroyed,
        },
      },
    ]
  },
})
