/** RESETKEY: URLs that the user has authorised are worth nothing any more, those of one mailbox or all. */
import { removeAccessKeys, resetAccessKey } from '#mail/access-key.ts'
import { command, type Completion, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../wire/grammar.ts'
import { placeOf } from '../namespace/mailbox-ref.ts'
import type { ImapSession } from '../session/session.ts'
import { signedIn } from '../session/session-state.ts'

interface ResetKeyArguments {
  /** Undefined for all. */
  readonly name: Uint8Array | undefined
  readonly mechanisms: readonly string[]
}

export const resetkey = command<ResetKeyArguments>({
  name: 'RESETKEY',
  states: signedIn,
  standard: 'RFC 4467 §7',
  parse: whole((args: Arguments) => {
    if (args.atEnd) return { name: undefined, mechanisms: [] }
    args.sp()
    const name = args.astring()
    const mechanisms: string[] = []
    while (args.take(0x20)) mechanisms.push(args.word())
    return { name, mechanisms }
  }),
  async run(session, { name, mechanisms }): Promise<Completion> {
    const { mailboxes } = session
    if (mechanisms.some((mechanism) => mechanism !== 'INTERNAL'))
      throw new Refusal('Unknown mechanism', 'CANNOT')
    if (name === undefined) {
      await mailboxes.writeOwn((tx) => removeAccessKeys(tx, mailboxes.account))
      tellOthers(session)
      return { text: 'All keys removed' }
    }
    const place = placeOf(await session.open(name, 'r'))
    await mailboxes.writeOwn(async (tx) => void resetAccessKey(tx, mailboxes.account, place))
    tellOthers(session)
    return { ...(session.mayUsePasswords && { code: 'URLMECH INTERNAL' }), text: 'Key made anew' }
  },
})

function tellOthers(session: ImapSession): void {
  session.services.userSessions.tellNewKeys(session.mailboxes.account)
  session.isKeyNew = false
}
