/**
 * Who uses JMAP: a user with a password (RFC 7617) or an API key (RFC 6750). No password is accepted in clear from
 * another machine, and no page of somebody else acts with what a browser remembers.
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { Access } from '#account/access.ts'
import type { SignIn } from '#account/sign-in.ts'
import { Fault, isFault } from '#base/fault.ts'
import { basicCredentials, bearerToken } from '#http/authorization.ts'
import { isForeign } from '#http/origin.ts'
import { addRateLimit } from '#http/rate-limit.ts'
import type { CountedRequest, RequestRates } from '#http/request-rates.ts'
import type { HttpEnv } from '#http/router.ts'
import { tooOften } from './errors.ts'

/** What handlers behind the gate find in their context. */
export interface JmapEnv extends HttpEnv {
  Variables: HttpEnv['Variables'] & { access: Access }
}

export type JmapSignIn = Pick<SignIn, 'password' | 'apiKey'>

export interface GateOptions {
  /** Asks `rates` itself before it looks at what it does not remember. */
  readonly signIn: JmapSignIn
  readonly rates: RequestRates
  readonly permitsOtherSites: () => boolean
}

/** Throws Fault `forbidden` and `authenticationFailed`. */
export function jmapGate(o: GateOptions): MiddlewareHandler<JmapEnv> {
  return async (c, next) => {
    assertAllowed(c, o.permitsOtherSites())
    let access: Access
    try {
      access = await signedIn(o, c)
    } catch (error) {
      if (!isFault(error, 'rateLimited')) throw error
      return tooOften('rateLimitAnonymous', error.detail.retryAfterMs ?? 0).toResponse()
    }
    const counted = countRequest(o.rates, access)
    if (counted !== undefined && counted.waitMs > 0)
      return tooOften('rateLimitAuthenticated', counted.waitMs).toResponse(counted.headers)
    c.set('access', access)
    await next()
    if (counted !== undefined) addRateLimit(c.res.headers, counted.headers)
    return undefined
  }
}

/** One more of somebody who has signed in. Undefined where there is no limit. */
export const countRequest = (
  rates: RequestRates,
  { account, permissions }: Pick<Access, 'account' | 'permissions'>,
): CountedRequest | undefined => (permissions.has('unlimitedRequests') ? undefined : rates.ofAccount(account))

function assertAllowed({ env, req }: Context<JmapEnv>, permitsOtherSites: boolean): void {
  if (!env.client.secure && !env.client.isLocal)
    throw new Fault('forbidden', 'This needs HTTPS: a password must not travel in clear.', { what: 'jmap' })
  // A browser opens a WebSocket for any page, with the password that it remembers.
  const mayBeForeign = permitsOtherSites && env.upgrade === undefined
  if (!mayBeForeign && isForeign(req.header('origin'), req.header('host'), env.client.secure))
    throw new Fault('forbidden', 'Another site may not ask for this.', { what: 'jmap' })
}

async function signedIn({ signIn, rates }: GateOptions, c: Context<JmapEnv>): Promise<Access> {
  const { client } = c.env
  const authorization = c.req.header('authorization')
  const from = { ip: client.ip, protocol: 'jmap' }
  const token = bearerToken(authorization)
  const basic = basicCredentials(authorization)
  if (token === undefined && basic === undefined) {
    rates.assertAddress(client.ip)
    throw refused('Sign in with the name of your account.')
  }
  const found =
    token !== undefined
      ? await signIn.apiKey(token, from)
      : await signIn.password(basic!.user, basic!.password, from)
  if (found === 'wrong')
    throw token === undefined
      ? refused('Wrong name or password.')
      : refused('The API key is not valid here.', true)
  // A sign-in that was remembered, too, ends with the permission.
  if (!found.permissions.has('jmapAuthenticate'))
    throw new Fault('forbidden', 'This needs the permission jmapAuthenticate.', { what: 'jmap' })
  return found
}

const refused = (text: string, isWrongToken = false): Fault =>
  new Fault('authenticationFailed', text, { isWrongToken })
