/** Principal/changes (RFC 9670 §2.2): whether there are any is known, and not which. */
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
  async call(call, { accountId, sinceState }) {
    const account = await call.account(accountId!)
    const { state } = await seenPrincipals(call, account)
    if (state !== sinceState) throw cannotCalculate()
    return [
      {
        arguments: {
          accountId: account.text,
          oldState: state,
          newState: state,
          hasMoreChanges: false,
          created: [],
          updated: [],
          destroyed: [],
        },
      },
    ]
  },
})
