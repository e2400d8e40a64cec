/** SUBSCRIBE and UNSUBSCRIBE: the mailboxes that a person wants to see. */
import { findMailbox } from '#mail/mailbox-path.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import { dropLostSubscription, setSubscribed } from '#mail/subscription.ts'
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'

const readName = whole((args: Arguments) => {
  args.sp()
  return args.astring()
})

export const subscribe = command({
  name: 'SUBSCRIBE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.7',
  parse: readName,
  async run(session, name) {
    const path = session.path(name)
    const account = session.accountId
    await session.services.db.write([account], async (tx) => {
      const mailbox = session.find(await listMailboxes(tx, account), path)
      await setSubscribed(tx, account, mailbox.id, true)
    })
  },
})

export const unsubscribe = command({
  name: 'UNSUBSCRIBE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.8',
  parse: readName,
  async run(session, name) {
    const path = session.path(name)
    const account = session.accountId
    await session.services.db.write([account], async (tx) => {
      const mailbox = findMailbox(await listMailboxes(tx, account), path)
      if (mailbox === undefined) await dropLostSubscription(tx, account, path)
      else await setSubscribed(tx, account, mailbox.id, false)
    })
  },
})
