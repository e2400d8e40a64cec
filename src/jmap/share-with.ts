/**
 * With whom a mailbox is shared, in both directions (RFC 9670 §4): the grants of its row as a map of Principals to
 * rights, and such a map as grants.
 *
 * A right of JMAP may be several letters of IMAP's, or one letter be several rights. What a client leaves as it is
 * keeps its letters; nobody is given more than was said. What JMAP has no words for stays: grants to anyone, what is
 * denied, and the entry of the owner.
 */
import type { AccountId } from '#base/id.ts'
import {
  anyone,
  bothRights,
  type Grant,
  hasAny,
  type MailboxRights,
  mailboxRights,
  mailboxRightLetters,
  noRights,
  type Rights,
  withoutRights,
} from '#mail/rights.ts'
import type { OpenAccount } from './accounts.ts'
import { principalNumber, principalObjectId } from './principal-id.ts'
import { boolean, type JsonObject, mapOf, nullable, oneOf, string } from './value.ts'

type Name = keyof MailboxRights
export const rightNames = Object.keys(mailboxRightLetters) as readonly Name[]

/** Each Principal with the rights that it is to have; those that are not named are not given. */
export const shareWithValue = nullable(mapOf(string, mapOf(oneOf(...rightNames), boolean)))
export type ShareWith = ReadonlyMap<string, ReadonlyMap<Name, boolean>>

const isShown = (owner: AccountId, { grantee, granted }: Grant): boolean =>
  grantee !== anyone && grantee !== owner && granted !== undefined && granted !== noRights

const given = ({ granted, denied }: Grant): Rights => withoutRights(granted ?? noRights, denied)

/** null where it is shared with nobody. */
export function shareWithOf(
  { id }: Pick<OpenAccount, 'id'>,
  { grants }: { readonly grants: readonly Grant[] },
): JsonObject | null {
  const shown = grants.filter((grant) => isShown(id, grant))
  if (shown.length === 0) return null
  return Object.fromEntries(
    shown.map((grant) => [principalObjectId(grant.grantee), { ...mailboxRights(given(grant)) }]),
  )
}

/** The grants of a mailbox that is to be shared so. */
export function grantsFor(
  owner: AccountId,
  before: readonly Grant[],
  wanted: ShareWith | null,
): readonly Grant[] {
  const asked = new Map([...(wanted ?? new Map())].map(([id, rights]) => [principalNumber(id)!, rights]))
  const kept: Grant[] = []
  for (const grant of before) {
    const rights = asked.get(grant.grantee)
    if (!isShown(owner, grant) && rights === undefined) kept.push(grant)
    else if (rights === undefined) kept.push({ ...grant, granted: undefined })
    else kept.push(changed(grant, rights))
    asked.delete(grant.grantee)
  }
  for (const [grantee, rights] of asked)
    kept.push(changed({ grantee, granted: undefined, denied: noRights }, rights))
  return kept
}

function changed(grant: Grant, wanted: ReadonlyMap<Name, boolean>): Grant {
  const had = mailboxRights(given(grant))
  let added: Rights = noRights
  for (const name of rightNames)
    if (wanted.get(name) === true && !had[name]) added = bothRights(added, mailboxRightLetters[name])
  let removed: Rights = noRights
  for (const name of rightNames) {
    const letters = mailboxRightLetters[name]
    if (wanted.get(name) !== true && (had[name] || hasAny(added, letters)))
      removed = bothRights(removed, letters)
  }
  const granted = withoutRights(bothRights(grant.granted ?? noRights, added), removed)
  return {
    grantee: grant.grantee,
    granted: granted === noRights ? undefined : granted,
    // Given again, it is not denied any more.
    denied: withoutRights(grant.denied, withoutRights(added, removed)),
  }
}
