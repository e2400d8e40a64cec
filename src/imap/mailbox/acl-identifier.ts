/**
 * Identifiers of access control lists (RFC 4314 §2): the name of a user or a group, or `anyone`; with a dash in
 * front what is denied. No name begins with a dash that could not be told from it: the dash is always one.
 */
import { normalized } from '#base/normalize.ts'
import type { AccountId } from '#base/id.ts'
import { anyone } from '#mail/rights.ts'
import type { Identifier } from '#mail/share.ts'
import { type ShareNotice, toldOf } from '#mail/share-notification.ts'
import { Refusal } from '../errors.ts'
import { type Arguments, utf8Of } from '../wire/grammar.ts'
import type { ImapSession } from '../session/session.ts'

const anyoneName = 'anyone'

/**
 * An identifier as it was written, and as it is compared (RFC 4314 §3): in the form that SASLprep (RFC 4013 §2)
 * gives to what people type. Names are compared by the accounts' own rules after that.
 */
export function readIdentifier(args: Arguments): { readonly written: string; readonly prepared: string } {
  const written = utf8Of(args.astring())
  if (written === undefined) return args.fail('the identifier is not UTF-8')
  const prepared = normalized(
    written.replace(/\p{Default_Ignorable_Code_Point}/gu, '').replace(/\p{Zs}/gu, ' '),
    'NFKC',
  )
  if (prepared === '' || /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\ufffd]/u.test(prepared))
    return args.fail('no such identifier is possible')
  return { written, prepared }
}

/** Throws a Refusal where nobody is called so. */
export async function findIdentifier(session: ImapSession, prepared: string): Promise<Identifier> {
  const isDenied = prepared.startsWith('-')
  const name = isDenied ? prepared.slice(1) : prepared
  const grantee =
    name.toLowerCase() === anyoneName ? anyone : (await session.services.principals.byName(name))?.id
  if (grantee === undefined) throw new Refusal('There is nobody of that name')
  return { grantee, kind: isDenied ? 'denied' : 'granted' }
}

/** The name that an identifier is shown by; undefined for an account that is gone. */
export async function identifierName(session: ImapSession, grantee: AccountId): Promise<string | undefined> {
  return grantee === anyone ? anyoneName : (await session.services.principals.byId(grantee))?.name
}

/** Those whose rights are changed are told of it (RFC 9670 §3). */
export async function noticeFor(session: ImapSession, grantees: readonly AccountId[]): Promise<ShareNotice> {
  const { account, name, emails } = session.access!
  const { principals, clock } = session.services
  const told = await toldOf(principals, account, grantees)
  return { by: { account, name, email: emails[0] ?? null }, at: clock.now(), told }
}
