/**
 * Sign-ins of all protocols, of which those that fail are counted together for the address that they come from, so
 * that who guesses passwords is slowed down wherever they do it. Nobody else's sign-ins are: an account has no count
 * that a stranger could use up.
 */
import type { SaslSignIn } from '#account/sasl/mechanism.ts'
import type { SignIn } from '#account/sign-in.ts'
import type { RequestRates } from '#http/request-rates.ts'

/** For who gives a password to change it: whoever has a key of an account does not guess its password by it. */
export const countedAdministrator = (
  signIn: Pick<SignIn, 'administrator'>,
  rates: Pick<RequestRates, 'attempt'>,
): Pick<SignIn, 'administrator'> => ({
  administrator: (name, password, from, o) =>
    rates.attempt(from.ip, () => signIn.administrator(name, password, from, o)),
})

/** What an address has no room for is Fault `rateLimited`, and no password is looked at. */
export const countedSignIn = (
  signIn: SignIn,
  rates: Pick<RequestRates, 'attempt'>,
): SaslSignIn & Pick<SignIn, 'apiKey'> => ({
  password: (name, password, from, o) =>
    rates.attempt(from.ip, () => signIn.password(name, password, from, o)),
  apiKey: (key, from) => rates.attempt(from.ip, () => signIn.apiKey(key, from)),
  async scram(name, from, o) {
    const attempt = await signIn.scram(name, from, o)
    return {
      keys: attempt.keys,
      finish: (problem) => rates.attempt(from.ip, () => attempt.finish(problem)),
    }
  },
  // Nothing that could be guessed.
  certificate: (addresses, from, o) => signIn.certificate(addresses, from, o),
})
