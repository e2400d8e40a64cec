/** What somebody who signed in is: the result of every way to prove who one is. */
import type { AccountId } from '#base/id.ts'

export interface Access {
  readonly account: AccountId
  /** The account's name, also where somebody signed in with another of its addresses. */
  readonly name: string
  readonly isAdmin: boolean
  readonly emails: readonly string[]
}
