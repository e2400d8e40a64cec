/** GETQUOTAROOT: which quota root a mailbox has, or would have if there were one of that name. */
import { hasAny, rightsOf } from '#mail/rights.ts'
import { command, whole } from '../session/command.ts'
import { assertRights } from '../namespace/mailbox-ref.ts'
import { writeName } from '../namespace/mailbox-name.ts'
import { noSuchRoot, rootOf, writeQuota, writeRootName } from '../mailbox/quota-root.ts'
import type { ImapSession } from '../session/session.ts'
import { signedIn } from '../session/session-state.ts'

const readable = rightsOf('r')
const visible = rightsOf('l')

export const getquotaroot = command<Uint8Array>({
  name: 'GETQUOTAROOT',
  states: signedIn,
  standard: 'RFC 9208 §4.1.2',
  parse: whole((args) => {
    args.sp()
    return args.astring()
  }),
  async run(session, name) {
    const path = session.path(name)
    const root = await rootOfPath(session, path)
    session.out.ascii('* QUOTAROOT ')
    writeName(session.out, path, session.isUtf8)
    session.out.sp()
    writeRootName(session, root)
    session.out.crlf()
    await writeQuota(session, root)
  },
})

/** RFC 9208 §6: of a mailbox that is there `r` is needed. One that cannot be seen is as one that is not there. */
async function rootOfPath(session: ImapSession, path: string) {
  const { mailboxes } = session
  const ref = await mailboxes.find(path)
  if (ref !== undefined && hasAny(ref.rights, visible)) assertRights(ref.rights, readable)
  const account = ref?.account ?? (await mailboxes.locate(path)).account
  if (account === undefined) throw noSuchRoot()
  return rootOf(session, account)
}
