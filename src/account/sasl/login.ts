/**
 * LOGIN (draft-murchison-sasl-login): name and password as two answers. Obsolete, and the only mechanism that
 * some programs and devices speak. The prompts are those that the clients know; they ignore them.
 */
import { latin1 } from '#base/bytes.ts'
import { longestPasswordBytes } from '../password.ts'
import { longestNameBytes, overTls, readSafeText, type SaslMechanism } from './mechanism.ts'

const askName = latin1('Username:')
const askPassword = latin1('Password:')

export const login: SaslMechanism = {
  name: 'LOGIN',
  needsTls: true,
  isOffered: overTls,
  start(context) {
    let name: string | undefined
    return {
      async next(response) {
        if (response === undefined) return { challenge: askName }
        if (name === undefined) {
          name = readSafeText(response, longestNameBytes)
          return name === undefined ? { failed: 'malformed' } : { challenge: askPassword }
        }
        const password = readSafeText(response, longestPasswordBytes)
        if (password === undefined) return { failed: 'malformed' }
        const access = await context.signIn.password(name, password, context.from)
        return access === 'wrong' ? { failed: 'wrong' } : { done: access }
      },
    }
  },
}
