/** Who there is besides oneself, as the protocols of mail ask for it; `server/boot.ts` asks the accounts. */
import type { AccountId } from '#base/id.ts'

/** A user or a group. */
export interface Principal {
  readonly id: AccountId
  readonly name: string
  readonly isGroup: boolean
}

export interface Principals {
  /** The groups that an account is a member of now, also by way of other groups. */
  groupsOf(account: AccountId): Promise<readonly AccountId[]>
  byId(id: AccountId): Promise<Principal | undefined>
  /** In any spelling of the name. */
  byName(name: string): Promise<Principal | undefined>
}

/** What others may know of somebody. */
export interface PrincipalProfile extends Principal {
  readonly email: string | null
  /** The name of the person, or what the group is for; may be empty. */
  readonly description: string
  readonly timeZone: string | null
}

export interface Directory {
  /** Everybody, by ascending id. */
  all(): Promise<readonly PrincipalProfile[]>
}
