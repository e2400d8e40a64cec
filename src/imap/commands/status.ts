/** STATUS: numbers of a mailbox without selecting it, all from its row. */
import { mailboxPaths } from '#mail/mailbox-path.ts'
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'
import { readStatusItems, writeStatus } from '../status-items.ts'

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
    const path = session.path(name)
    const { mailboxes } = await session.mail()
    const mailbox = session.find(mailboxes, path)
    writeStatus(session, mailboxPaths(mailboxes).get(mailbox.id) ?? path, mailbox, items)
  },
})
