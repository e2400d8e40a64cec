/** LSUB: the names that are subscribed to, for clients of IMAP4rev1. */
import { listLostSubscriptions } from '#mail/subscription.ts'
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'
import { ListPattern } from '../list-pattern.ts'
import { writeListed } from '../list-response.ts'
import { decodeName, parentPath } from '../mailbox-name.ts'
import { candidatesOf } from './list.ts'

export const lsub = command<Uint8Array>({
  name: 'LSUB',
  states: signedIn,
  standard: 'RFC 3501 §6.3.9',
  parse: whole((args: Arguments) => {
    args.sp()
    const reference = args.astring()
    args.sp()
    return Buffer.concat([reference, args.listMailbox()])
  }),
  async run(session, written) {
    const text = decodeName(written, session.isRev2)
    if (text === undefined) return
    const pattern = new ListPattern(text)
    const { mailboxes } = await session.mail()
    const lost = await session.services.db.read((tx) => listLostSubscriptions(tx, session.accountId))
    const subscribed = candidatesOf(mailboxes, lost).filter(({ isSubscribed }) => isSubscribed)
    const said = new Set<string>()
    for (const { path } of subscribed) {
      if (!pattern.matches(path)) continue
      said.add(path)
      writeListed(session, 'LSUB', { path, attributes: [] })
    }
    if (!pattern.asksForLevel) return
    // RFC 3501 §6.3.9: a level that is not subscribed to itself, above names that are.
    for (const { path } of subscribed) {
      for (let above = parentPath(path); above !== undefined; above = parentPath(above)) {
        if (said.has(above) || !pattern.matches(above)) continue
        said.add(above)
        writeListed(session, 'LSUB', { path: above, attributes: ['\\Noselect'] })
      }
    }
  },
})
