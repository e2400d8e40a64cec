/** SUBSCRIBE and UNSUBSCRIBE: the mailboxes that a person wants to see. */
import {
  dropLostSubscription,
  listForeignSubscriptions,
  setSubscribed,
  subscribeForeign,
  unsubscribeForeign,
} from '#mail/subscription.ts'
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
    const { mailboxes } = session
    const ref = await session.open(name, 'l')
    const { account, path, isOwn } = ref
    await mailboxes.writeOwn((tx) =>
      isOwn
        ? setSubscribed(tx, account, ref.mailbox.id, true)
        : subscribeForeign(tx, mailboxes.account, { account, mailbox: ref.mailbox.id, path }),
    )
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
    await session.mailboxes.writeOwn(async (tx) => {
      if (ref?.isOwn === true) {
        await setSubscribed(tx, account, ref.mailbox.id, false)
        return
      }
      await dropLostSubscription(tx, account, path)
      for (const foreign of await listForeignSubscriptions(tx, account)) {
        const isIt = ref?.account === foreign.account && ref.mailbox.id === foreign.mailbox
        if (isIt || foreign.path === path) unsubscribeForeign(tx, account, foreign)
      }
    })
  },
})
