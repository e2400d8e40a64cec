/** For which accounts a user sends (RFC 8621 §7): the own one, and those of groups. Others are shared to read. */
import type { AccountId } from '#base/id.ts'
import type { OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'

export const sendsFor = (who: OpenAccount['who'], account: AccountId): boolean =>
  account === who.account || who.groups.includes(account)

/** Throws MethodError `accountNotSupportedByMethod` (RFC 8620 §3.6.2). */
export function assertSends({ who, id }: OpenAccount): void {
  if (!sendsFor(who, id)) throw new MethodError('accountNotSupportedByMethod')
}
