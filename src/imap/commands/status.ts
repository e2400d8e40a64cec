/** STATUS: numbers of a mailbox without selecting it. */
import { command, whole } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'
import { readStatusItems, writeStatus } from '../mailbox/status-items.ts'

export const status = command({
  name: 'STATUS',
  states: signedIn,
  standard: 'RFC 9051 §6.3.11',
  parse: whole((args: Arguments) => {
    args.sp()
    const name = args.astring()
    args.sp()
    return { name, items: readStatusItems(args) }
  }),
  async run(session, { name, items }) {
    const ref = await session.open(name, 'r')
    // RFC 7162 §3.1
    if (items.includes('HIGHESTMODSEQ')) session.enableCondstore()
    await writeStatus(session, ref, items)
  },
})
