/**
 * PLAIN (RFC 4616): authorization identity, name and password in one message, with NUL between.
 * Who may act as another names that one as the authorization identity.
 */
import { empty } from '#base/bytes.ts'
import { longestPasswordBytes } from '../password.ts'
import {
  longestNameBytes,
  overTls,
  readSafeText,
  type SaslContext,
  type SaslMechanism,
  type SaslStep,
} from './mechanism.ts'

export const plain: SaslMechanism = {
  name: 'PLAIN',
  needsTls: true,
  isOffered: overTls,
  start(context) {
    return {
      async next(response) {
        return response === undefined ? { challenge: empty } : signIn(context, response)
      },
    }
  },
}

async function signIn(context: SaslContext, message: Uint8Array): Promise<SaslStep> {
  const first = message.indexOf(0)
  const second = first < 0 ? -1 : message.indexOf(0, first + 1)
  if (second < 0) return { failed: 'malformed' }
  const authorization = first === 0 ? undefined : readSafeText(message.subarray(0, first), longestNameBytes)
  const name = readSafeText(message.subarray(first + 1, second), longestNameBytes)
  const password = readSafeText(message.subarray(second + 1), longestPasswordBytes)
  if (name === undefined || password === undefined) return { failed: 'malformed' }
  if (first > 0 && authorization === undefined) return { failed: 'malformed' }
  // RFC 4616 §2: the right to act as the authorization identity is checked after the password.
  const access = await context.signIn.password(
    name,
    password,
    context.from,
    authorization === undefined ? {} : { actAs: authorization },
  )
  return access === 'wrong' ? { failed: 'wrong' } : { done: access }
}
