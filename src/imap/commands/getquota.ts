/** GETQUOTA: what an account holds, and may hold. */
import { command, whole } from '../session/command.ts'
import { utf8Of } from '../wire/grammar.ts'
import { findRoot, writeQuota } from '../mailbox/quota-root.ts'
import { signedIn } from '../session/session-state.ts'

export const getquota = command<string>({
  name: 'GETQUOTA',
  states: signedIn,
  standard: 'RFC 9208 §4.1.1',
  parse: whole((args) => {
    args.sp()
    return utf8Of(args.astring()) ?? ''
  }),
  async run(session, name) {
    await writeQuota(session, await findRoot(session, name))
  },
})
