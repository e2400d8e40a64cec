/** Which Principals a query finds (RFC 9670 §2.4), in the order of their names. */
import { foldText } from '#message/fold-text.ts'
import { accountObjectId } from './accounts.ts'
import { type Filter, filterHolds } from './filter.ts'
import type { SeenPrincipal } from './principals.ts'
import { listOf, type ReadFields, string } from './value.ts'

export const principalConditions = {
  accountIds: listOf(string),
  email: string,
  name: string,
  text: string,
  type: string,
  timeZone: string,
} as const

type Condition = ReadFields<typeof principalConditions>

/** The ids. */
export const findPrincipals = (
  list: readonly SeenPrincipal[],
  filter: Filter<Condition> | undefined,
): readonly string[] =>
  list
    .filter((one) => filter === undefined || filterHolds(filter, (condition) => meets(one, condition)))
    .map((one) => [foldText(one.name), one.id] as const)
    .toSorted(([a, idA], [b, idB]) => (a < b || (a === b && idA < idB) ? -1 : 1))
    .map(([, id]) => id)

function meets(one: SeenPrincipal, condition: Condition): boolean {
  const { accountIds, email, name, text, type, timeZone } = condition
  const { account } = one
  return (
    (accountIds === undefined ||
      (account !== undefined && accountIds.includes(accountObjectId(account.id)))) &&
    (email === undefined || has(one.email, email)) &&
    (name === undefined || has(one.name, name)) &&
    (text === undefined || [one.name, one.email, one.description].some((value) => has(value, text))) &&
    (type === undefined || type === one.type) &&
    (timeZone === undefined || timeZone === one.timeZone)
  )
}

const has = (value: string | null, part: string): boolean =>
  value !== null && foldText(value).includes(foldText(part))
