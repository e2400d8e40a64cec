/**
 * How many requests somebody may make: an account that has signed in, and an address of whoever has not.
 *
 * What counts for an address is a request that nobody signed in for, and a sign-in that fails, over any protocol; one
 * is refused before it costs anything. This machine itself has no limit: what asks from here is a program of the server's, or a proxy
 * that nobody named, which would be one client for all of its own.
 */
import type { MiddlewareHandler } from 'hono'
import type { Clock } from '#base/clock.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { isLoopbackIp, parseIp } from '#base/ip.ts'
import { type Rate, RateLimiter } from '#base/rate.ts'
import { clientNetwork } from '#net/admission.ts'
import type { Settings } from '#settings/object.ts'
import { problemResponse } from './errors.ts'
import { addRateLimit, type RateLimitHeaders, requestRateHeaders } from './rate-limit.ts'
import type { HttpEnv } from './router.ts'
import { httpSettings } from './settings.ts'

/** A request that was counted, or would have been. */
export interface CountedRequest {
  /** 0 where it is within the limit, else when another one would be. */
  readonly waitMs: number
  readonly headers: RateLimitHeaders
}

export interface RequestRateLimiters {
  readonly accounts: RateLimiter<AccountId>
  /** By network: whoever has an IPv6 address has all of a /64. */
  readonly networks: RateLimiter<string>
}

export class RequestRates {
  readonly #settings: Pick<Settings, 'get'>
  readonly #clock: Clock
  readonly #limiters: RequestRateLimiters

  /** Counts with others that have the same limiters; without any, by itself. */
  constructor(o: {
    readonly settings: Pick<Settings, 'get'>
    readonly clock: Clock
    readonly limiters?: RequestRateLimiters
  }) {
    this.#settings = o.settings
    this.#clock = o.clock
    this.#limiters = o.limiters ?? { accounts: new RateLimiter(), networks: new RateLimiter() }
  }

  /** Undefined where there is no limit. */
  ofAccount(account: AccountId): CountedRequest | undefined {
    const { rateLimitAuthenticated: rate } = this.#settings.get(httpSettings)
    return rate.count === 0 ? undefined : this.#count('account', this.#limiters.accounts, account, rate)
  }

  /** Undefined where there is no limit. */
  ofAddress(ip: string): CountedRequest | undefined {
    const network = this.#networkOf(ip)
    if (network === undefined) return undefined
    return this.#count('address', this.#limiters.networks, network, this.#anonymous)
  }

  /** As `ofAddress`. Throws Fault `rateLimited`. */
  assertAddress(ip: string): void {
    const waitMs = this.ofAddress(ip)?.waitMs ?? 0
    if (waitMs > 0) throw new Fault('rateLimited', tooMany, { retryAfterMs: waitMs })
  }

  /**
   * Whatever finds out who is asking: what fails, and what is refused before it begins, is the address's. Throws Fault
   * `rateLimited`, and what it throws itself.
   */
  async attempt<T>(ip: string, signIn: () => Promise<T | 'wrong'>): Promise<T | 'wrong'> {
    this.assertAddress(ip)
    const found = await signIn()
    const network = found === 'wrong' ? undefined : this.#networkOf(ip)
    if (network !== undefined) this.#limiters.networks.giveBack(network, this.#anonymous, this.#clock.now())
    return found
  }

  get #anonymous(): Rate {
    return this.#settings.get(httpSettings).rateLimitAnonymous
  }

  #networkOf(text: string): string | undefined {
    const ip = this.#anonymous.count === 0 ? undefined : parseIp(text)
    return ip === undefined || isLoopbackIp(ip) ? undefined : clientNetwork(ip)
  }

  #count<K extends string | number>(
    name: string,
    limiter: RateLimiter<K>,
    key: K,
    rate: Rate,
  ): CountedRequest {
    const now = this.#clock.now()
    const waitMs = limiter.take(key, rate, now)
    const headers = requestRateHeaders(
      name,
      rate,
      limiter.left(key, rate, now),
      limiter.nextMs(key, rate, now),
    )
    return { waitMs, headers }
  }
}

const tooMany = 'Too many requests, try again later.'

/** For routes that ask nobody who they are. */
export const limitAddress =
  (rates: RequestRates): MiddlewareHandler<HttpEnv> =>
  async (c, next) => {
    const counted = rates.ofAddress(c.env.client.ip)
    if (counted === undefined) return next()
    if (counted.waitMs > 0) return tooManyRequests(counted, c.get('requestId'))
    await next()
    addRateLimit(c.res.headers, counted.headers)
  }

/** RFC 6585 §4. */
export const tooManyRequests = ({ waitMs, headers }: CountedRequest, requestId: string): Response =>
  problemResponse({ status: 429, detail: tooMany }, requestId, {
    ...headers,
    'Retry-After': String(Math.ceil(waitMs / 1000)),
  })
