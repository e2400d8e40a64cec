/**
 * SETQUOTA: the limits of an account, all at once: those that are not named are gone. For administrators; the
 * change is made, checked and written down like every other of an account.
 */
import type { MailLimits } from '#mail/limits.ts'
import { command, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import { type Arguments, utf8Of } from '../wire/grammar.ts'
import { findRoot, octetsPerUnit, writeQuota } from '../mailbox/quota-root.ts'
import { signedIn } from '../session/session-state.ts'

export const setquota = command({
  name: 'SETQUOTA',
  states: signedIn,
  standard: 'RFC 9208 §4.1.3',
  parse: whole((args) => {
    args.sp()
    const name = utf8Of(args.astring()) ?? ''
    args.sp()
    return { name, resources: readResources(args) }
  }),
  async run(session, { name, resources }) {
    const root = await findRoot(session, name)
    const { services, connection, access } = session
    await services.setLimits(access!, connection.peer.ip, root.id, limitsFrom(resources))
    await writeQuota(session, root)
  },
})

/** The last counts where a resource is named twice. */
function readResources(args: Arguments): ReadonlyMap<string, number> {
  const resources = new Map<string, number>()
  args.open()
  if (args.takeClose()) return resources
  do {
    const name = args.word()
    args.sp()
    resources.set(name, args.number64())
  } while (args.take(0x20))
  args.close()
  return resources
}

function limitsFrom(resources: ReadonlyMap<string, number>): MailLimits {
  for (const name of resources.keys())
    if (!['STORAGE', 'MESSAGE', 'MAILBOX'].includes(name)) throw cannot(`${name} cannot be limited here`)
  const storage = resources.get('STORAGE')
  return {
    // 0 is no limit inside; of one octet nothing is left for a message.
    bytes: storage === undefined ? 0 : Math.max(1, possible(storage * octetsPerUnit)),
    messages: countOf(resources.get('MESSAGE')),
    mailboxes: countOf(resources.get('MAILBOX')),
  }
}

function countOf(limit: number | undefined): number {
  if (limit === 0) throw cannot('There is no limit of none')
  return limit === undefined ? 0 : possible(limit)
}

function possible(limit: number): number {
  if (limit > Number.MAX_SAFE_INTEGER) throw cannot('Limit too large')
  return limit
}

const cannot = (text: string): Refusal => new Refusal(text, 'CANNOT')
