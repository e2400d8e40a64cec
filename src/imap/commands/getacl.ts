/** GETACL: who has which rights on a mailbox, the owner first. */
import { allRights, bothRights, formatRights, noRights, type Rights, rightsOf } from '#mail/rights.ts'
import { identifierName } from '../mailbox/acl-identifier.ts'
import { command, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { writeName } from '../namespace/mailbox-name.ts'
import type { MailboxRef } from '../namespace/mailbox-ref.ts'
import type { ImapSession } from '../session/session.ts'
import { signedIn } from '../session/session-state.ts'

export const getacl = command<Uint8Array>({
  name: 'GETACL',
  states: signedIn,
  standard: 'RFC 4314 §3.3',
  parse: whole((args: Arguments) => {
    args.sp()
    return args.astring()
  }),
  async run(session, name) {
    const ref = await session.open(name, 'a')
    const entries = await entriesOf(session, ref)
    const { out, isUtf8 } = session
    out.ascii('* ACL ')
    writeName(out, ref.path, isUtf8)
    for (const [identifier, rights] of entries) {
      out.sp().string(Buffer.from(identifier), isUtf8).sp()
      out.ascii(formatRights(rights) || '""')
    }
    out.crlf()
  },
})

async function entriesOf(
  session: ImapSession,
  { account, mailbox }: MailboxRef,
): Promise<readonly (readonly [string, Rights])[]> {
  const entries: (readonly [string, Rights])[] = []
  const owner = await session.services.principals.byId(account)
  const own = mailbox.grants.find(({ grantee }) => grantee === account)
  const always = owner?.isGroup === true ? noRights : rightsOf('la')
  if (owner !== undefined) entries.push([owner.name, bothRights(own?.granted ?? allRights, always)])
  for (const { grantee, granted, denied } of mailbox.grants) {
    const name = await identifierName(session, grantee)
    if (name === undefined) continue
    if (granted !== undefined && grantee !== account) entries.push([name, granted])
    if (denied !== noRights) entries.push([`-${name}`, denied])
  }
  return entries
}
