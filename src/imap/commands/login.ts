/** LOGIN: name and password as they are, so only where nobody else can read them (RFC 9051 §11.7). */
import { capabilities } from '../session/capabilities.ts'
import { command, whole, type Completion } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import { type Arguments, utf8Of } from '../wire/grammar.ts'
import type { Access } from '#account/access.ts'
import { ProtocolEnd } from '../wire/reader.ts'
import type { ImapSession } from '../session/session.ts'

export const login = command<{ name: Uint8Array; password: Uint8Array }>({
  name: 'LOGIN',
  states: ['greeting'],
  standard: 'RFC 9051 §6.2.3',
  parse: whole((args: Arguments) => {
    args.sp()
    const name = args.astring()
    args.sp()
    return { name, password: args.astring() }
  }),
  async run(session, args) {
    if (!session.mayUsePasswords) throw passwordRefused()
    const name = utf8Of(args.name)
    const password = utf8Of(args.password)
    if (name === undefined || password === undefined) throw signInFailed(session)
    const access = await session.services.signIn.password(name, password, {
      ip: session.connection.peer.ip,
      protocol: 'imap',
    })
    if (access === 'wrong') throw signInFailed(session)
    return signInDone(session, access)
  },
})

export const passwordRefused = (): Refusal =>
  new Refusal('Passwords are accepted over TLS only', 'PRIVACYREQUIRED')

/** RFC 9051 §6.2.3: the capabilities after sign-in come with its answer. A Refusal where there are too many. */
export function signInDone(session: ImapSession, access: Access, usedPassword = true): Completion {
  if (!session.signedIn(access)) throw new Refusal('Too many connections of this account', 'LIMIT')
  session.usedPassword = usedPassword
  return { code: `CAPABILITY ${capabilities(session).join(' ')}`, text: 'Signed in' }
}

/** Counts the failure; says nothing of its reason. Ends the session after too many. */
export function signInFailed(session: ImapSession): Refusal {
  session.failedSignIns++
  const refusal = new Refusal('Authentication failed', 'AUTHENTICATIONFAILED')
  if (session.failedSignIns < session.settings.maxAuthFailures) return refusal
  session.tagged(session.reader.tag, refusal.status, refusal.code, refusal.message)
  throw new ProtocolEnd('Too many failed sign-ins')
}
