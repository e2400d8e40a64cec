/**
 * Who uses JMAP: a user with a password (RFC 7617) or an API key (RFC 6750). No password is accepted in clear from
 * another machine, and no page of somebody else acts with what a browser remembers.
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { Access } from '#account/access.ts'
import type { Watched } from '#account/access-watch.ts'
import type { SignIn } from '#account/sign-in.ts'
import type { Clock } from '#base/clock.ts'
import { Fault } from '#base/fault.ts'
import { basicCredentials, bearerToken } from '#http/authorization.ts'
import { isForeign } from '#http/origin.ts'
import type { HttpEnv } from '#http/router.ts'

/** What handlers behind the gate find in their context. */
export interface JmapEnv extends HttpEnv {
  Variables: HttpEnv['Variables'] & { access: Access; watched: Watched }
}

export type JmapSignIn = Pick<SignIn, 'password' | 'apiKey'> & {
  /** Of a sign-in that was remembered, when its secret was looked at. */
  since?(access: Access): number | undefined
}

export interface GateOptions {
  readonly signIn: JmapSignIn
  readonly permitsOtherSites: () => boolean
  readonly clock: Clock
}

/** Throws Fault `forbidden` and `authenticationFailed`. */
export function jmapGate({ signIn, permitsOtherSites, clock }: GateOptions): MiddlewareHandler<JmapEnv> {
  return async (c, next) => {
    const before = clock.now()
    assertAllowed(c, permitsOtherSites())
    const access = await signedIn(signIn, c)
    const passwordSince = signIn.since?.(access) ?? before
    const { account, credential } = access
    c.set('access', access)
    c.set('watched', credential === undefined ? { account, passwordSince } : { account, credential })
    await next()
  }
}

function assertAllowed({ env, req }: Context<JmapEnv>, permitsOtherSites: boolean): void {
  if (!env.client.secure && !env.client.isLocal)
    throw new Fault('forbidden', 'This needs HTTPS: a password must not travel in clear.', { what: 'jmap' })
  // A browser opens a WebSocket for any page, with the password that it remembers.
  const mayBeForeign = permitsOtherSites && env.upgrade === undefined
  if (!mayBeForeign && isForeign(req.header('origin'), req.header('host')))
    throw new Fault('forbidden', 'Another site may not ask for this.', { what: 'jmap' })
}

async function signedIn(signIn: JmapSignIn, c: Context<JmapEnv>): Promise<Access> {
  const { client } = c.env
  const authorization = c.req.header('authorization')
  const from = { ip: client.ip, protocol: 'jmap' }
  const token = bearerToken(authorization)
  const basic = basicCredentials(authorization)
  if (token === undefined && basic === undefined) throw refused('Sign in with the name of your account.')
  const found =
    token !== undefined
      ? await signIn.apiKey(token, from)
      : await signIn.password(basic!.user, basic!.password, from)
  if (found === 'wrong') throw refused('Wrong name or password.')
  // A sign-in that was remembered, too, ends with the permission.
  if (!found.permissions.has('jmapAuthenticate'))
    throw new Fault('forbidden', 'This needs the permission jmapAuthenticate.', { what: 'jmap' })
  return found
}

const refused = (text: string): Fault => new Fault('authenticationFailed', text, {})
