/**
 * Who uses the management API: `admin` or an account, by Basic authentication (RFC 7617), and programs with an
 * API key or, on this machine, the admin token as a bearer (RFC 6750 §2.1). Each operation lists what lets one
 * in; what may be done with an object is asked by the management.
 *
 * What must always hold: no password is asked for or accepted in clear from another machine, and no web page
 * of somebody else acts with what a browser remembers.
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { Access } from '#account/access.ts'
import { administratorAccess } from '#account/candidate.ts'
import type { Permission } from '#account/permission.ts'
import { apiKeyStart } from '#account/shown-once.ts'
import type { SignIn } from '#account/sign-in.ts'
import { Fault } from '#base/fault.ts'
import { basicCredentials, bearerToken } from '#http/authorization.ts'
import { isForeign } from '#http/origin.ts'
import { addRateLimit } from '#http/rate-limit.ts'
import { type RequestRates, tooManyRequests } from '#http/request-rates.ts'
import type { HttpEnv } from '#http/router.ts'
import type { Actor } from '#registry/managed-object.ts'
import { isSameToken } from './admin-token.ts'

export interface GateOptions {
  readonly signIn: Pick<SignIn, 'administrator' | 'apiKey'>
  readonly rates: RequestRates
  /** Absent where there is no data directory to keep it in. */
  readonly adminToken: string | undefined
}

/** What handlers behind the gate find in their context. */
export interface AdminEnv extends HttpEnv {
  Variables: HttpEnv['Variables'] & { actor: Actor }
}

/** Lets those pass who have proved who they are. Throws Fault `forbidden` or `authenticationFailed`. */
export function adminGate(o: GateOptions): MiddlewareHandler<AdminEnv> {
  return async (c, next) => {
    const { client } = c.env
    if (!client.secure && !client.isLocal) {
      throw forbidden(
        'This needs HTTPS: a password must not travel in clear. Plain HTTP works on the server itself only.',
      )
    }
    if (isForeign(c.req.header('origin'), c.req.header('host'), client.secure)) {
      throw forbidden('Another site may not ask for this.')
    }
    const { account, name, permissions, credential, by } = await signedIn(o, c)
    const counted = permissions.has('unlimitedRequests') ? undefined : o.rates.ofAccount(account)
    if (counted !== undefined && counted.waitMs > 0) return tooManyRequests(counted, c.get('requestId'))
    c.set('actor', { account, name, permissions, credential, by, ip: client.ip, protocol: 'http' })
    await next()
    if (counted !== undefined) addRateLimit(c.res.headers, counted.headers)
    return undefined
  }
}

async function signedIn(o: GateOptions, c: Context<AdminEnv>): Promise<Access> {
  const { client } = c.env
  const authorization = c.req.header('authorization')
  const token = bearerToken(authorization)
  if (token !== undefined) {
    if (token.startsWith(apiKeyStart)) {
      const found = await o.rates.attempt(client.ip, () =>
        o.signIn.apiKey(token, { ip: client.ip, protocol: 'http' }),
      )
      if (found === 'wrong') throw refused('This API key is not valid here.', true)
      return found
    }
    if (!client.isLocal) throw forbidden('The admin token is for programs on the server itself.')
    if (o.adminToken === undefined || !isSameToken(token, o.adminToken)) {
      throw refused('The admin token is not that of the running server.', true)
    }
    return administratorAccess()
  }
  const credentials = basicCredentials(authorization)
  if (credentials === undefined) {
    o.rates.assertAddress(client.ip)
    throw refused('Sign in as admin.')
  }
  const { user, password } = credentials
  const found = await o.rates.attempt(client.ip, () =>
    o.signIn.administrator(user, password, { ip: client.ip, protocol: 'http' }),
  )
  if (found === 'wrong') throw refused('Wrong name or password.')
  return found
}

/** Any of them lets one in; none: whoever signed in. Throws Fault `forbidden`. */
export function assertMay(c: Context<AdminEnv>, permissions: readonly Permission[]): void {
  const own = c.get('actor').permissions
  if (permissions.length === 0 || permissions.some((one) => own.has(one))) return
  const names = permissions.length === 1 ? permissions[0]! : `one of ${permissions.join(', ')}`
  throw new Fault('forbidden', `This needs the permission ${names}.`, { what: names })
}

const forbidden = (text: string): Fault => new Fault('forbidden', text, { what: 'administration' })
const refused = (text: string, isWrongToken = false): Fault =>
  new Fault('authenticationFailed', text, { isWrongToken })
