/** SUBSCRIBE and UNSUBSCRIBE: the mailboxes that a person wants to see. */
import {
  dropLostSubscription,
  type ForeignSubscription,
  listForeignSubscriptions,
  setSubscribed,
  subscribeForeign,
  unsubscribeForeign,
} from '#mail/subscription.ts'
import { command, whole } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'

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
    const { mailboxes } = session
    const ref = await session.open(name, 'l')
    const { account, path, isOwn } = ref
    const mailbox = ref.mailbox.id
    if (isOwn) await mailboxes.writeOwn((tx) => setSubscribed(tx, account, mailbox, true))
    else
      await mailboxes.write([], (tx) => subscribeForeign(tx, mailboxes.account, { account, mailbox, path }), {
        alsoWrites: [mailboxes.account, account],
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
    const { account } = session.mailboxes
    // No right is needed, and nothing is said of a mailbox that the user cannot see (RFC 4314 §4).
    const ref = await session.mailboxes.find(path)
    if (ref?.isOwn === true) {
      await session.mailboxes.writeOwn((tx) => setSubscribed(tx, account, ref.mailbox.id, false))
      return
    }
    const isIt = (one: ForeignSubscription): boolean =>
      one.path === path || (ref?.account === one.account && ref.mailbox.id === one.mailbox)
    const all = await session.services.db.read((tx) => listForeignSubscriptions(tx, account))
    const ended = all.filter(isIt)
    await session.mailboxes.write(
      [],
      async (tx) => {
        await dropLostSubscription(tx, account, path)
        for (const one of ended) await unsubscribeForeign(tx, account, one)
      },
      { alsoWrites: [account, ...ended.map((one) => one.account)] },
    )
  },
})
