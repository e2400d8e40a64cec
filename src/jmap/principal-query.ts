/** Which Principals a query finds (RFC 9670 §2.4), in the order of their names. */
import { foldText } from '#message/fold-text.ts'
import { accountObjectId } from './accounts.ts'
import { type Filter, filterTest } from './filter.ts'
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
    .filter(filterTest(filter, testOf))
    .map((one) => [foldText(one.name), one.id] as const)
    .toSorted(([a, idA], [b, idB]) => (a < b || (a === b && idA < idB) ? -1 : 1))
    .map(([, id]) => id)

function testOf({ email, name, text, type, timeZone, ...rest }: Condition): (one: SeenPrincipal) => boolean {
  const accountIds = rest.accountIds && new Set(rest.accountIds)
  const [hasEmail, hasName, hasText] = [email, name, text].map(hasPart)
  return (one) =>
    (accountIds === undefined ||
      (one.account !== undefined && accountIds.has(accountObjectId(one.account.id)))) &&
    hasEmail!(one.email) &&
    hasName!(one.name) &&
    (text === undefined || [one.name, one.email, one.description].some(hasText!)) &&
    (type === undefined || type === one.type) &&
    (timeZone === undefined || timeZone === one.timeZone)
}

/** Whether a text has this part in it; of no part that is so. */
function hasPart(part: string | undefined): (value: string | null) => boolean {
  if (part === undefined) return () => true
  const folded = foldText(part)
  return (value) => value !== null && foldText(value).includes(folded)
}
