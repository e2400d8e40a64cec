/**
 * As which addresses somebody sends (RFC 6409 §6.1): those of the own account, also one with a `+` part or one
 * that only a catch-all leads to, and those of the groups that it belongs to.
 */
import { splitAddress } from '#base/domain-name.ts'
import type { AccountId } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Access } from './access.ts'
import type { Resolution } from './lookup.ts'

/** Who sends: an account with its groups. */
export type Sender = Pick<Access, 'account' | 'groups' | 'emails'>

export type Resolve = (address: string) => Maybe<Resolution>

const isTheirs = (access: Pick<Access, 'account' | 'groups'>, account: AccountId): boolean =>
  account === access.account || access.groups.includes(account)

export function maySendAs(access: Sender, address: string, resolve: Resolve): Maybe<boolean> {
  if (access.emails.includes(address)) return true
  const judge = (found: Resolution): boolean => found.kind === 'local' && isTheirs(access, found.account.id)
  const found = resolve(address)
  return found instanceof Promise ? found.then(judge) : judge(found)
}

/**
 * The domain that signs what somebody sends: that of the one author where the address is theirs, else that of the
 * envelope, so that nobody signs for others. Undefined where that has none.
 */
export async function signingDomain(
  access: Sender,
  from: { readonly authors: readonly string[]; readonly envelope: string },
  resolve: Resolve,
): Promise<string | undefined> {
  const [author, ...others] = from.authors
  const isAuthors = author !== undefined && others.length === 0 && (await maySendAs(access, author, resolve))
  return splitAddress(isAuthors ? author : from.envelope)?.domain
}
