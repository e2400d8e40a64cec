/** AUTHENTICATE: sign-in by a SASL mechanism, with the client's first answer in the command if it likes. */
import { asBuffer, empty } from '#base/bytes.ts'
import { command, whole, type Completion } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import { type Arguments, utf8Of } from '../wire/grammar.ts'
import { ProtocolEnd } from '../wire/reader.ts'
import type { ImapSession } from '../session/session.ts'
import { passwordRefused, signInDone, signInFailed } from './login.ts'

/** In base64. RFC 4616 §2 wants 1020 bytes at least; tokens of later mechanisms are longer. */
const maxResponseBytes = 16 * 1024

export const authenticate = command({
  name: 'AUTHENTICATE',
  states: ['greeting'],
  standard: 'RFC 9051 §6.2.2',
  parse: whole((args: Arguments) => {
    args.sp()
    const mechanism = args.word()
    if (args.atEnd) return { mechanism, initial: undefined }
    args.sp()
    // base64 may hold "=", "+" and "/", all of which an atom may.
    return { mechanism, initial: args.atom() }
  }),
  async run(session, { mechanism: name, initial }) {
    const mechanism = session.services.mechanisms.find(name, session.channel)
    if (mechanism === undefined) throw new Refusal('No such mechanism', 'CANNOT')
    if (mechanism === 'needsTls') throw passwordRefused()
    const exchange = mechanism.start({
      signIn: session.services.signIn,
      tls: session.connection.tls,
      from: { ip: session.connection.peer.ip, protocol: 'imap' },
    })
    // RFC 4959 §3: "=" is an answer of no bytes.
    let response = initial === undefined ? undefined : initial === '=' ? empty : decodeBase64(initial)
    for (;;) {
      const step = await exchange.next(response)
      if ('done' in step)
        return signInDone(session, step.done, mechanism.name !== 'EXTERNAL') satisfies Completion
      if ('failed' in step) {
        if (step.failed === 'wrong') throw signInFailed(session)
        throw new Refusal('Malformed response', undefined, 'BAD')
      }
      response = await answerTo(session, step.challenge)
    }
  },
})

async function answerTo(session: ImapSession, challenge: Uint8Array): Promise<Uint8Array> {
  session.out.ascii('+ ').ascii(asBuffer(challenge).toString('base64')).crlf()
  await session.out.end()
  const line = await session.reader.continuation(maxResponseBytes, true)
  if (line === undefined) throw new ProtocolEnd('Connection ended inside a command')
  const text = utf8Of(line) ?? ''
  if (text === '*') throw new Refusal('Cancelled', undefined, 'BAD')
  return decodeBase64(text)
}

function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw new Refusal('Not base64', undefined, 'BAD')
  return bytes
}
