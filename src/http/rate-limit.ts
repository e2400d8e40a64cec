/**
 * RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10): what a client may do, and how much is left.
 * Both are lists: a response that more than one limit is for has an item for each.
 */
import type { Rate } from '#base/rate.ts'

export type RateLimitHeaders = Readonly<Record<'RateLimit-Policy' | 'RateLimit', string>>

/** How many requests may go on at once. */
export interface ConcurrencyLimit {
  /** Letters, digits and dashes. */
  readonly name: string
  readonly most: number
  readonly left: number
}

export const rateLimitHeaders = ({ name, most, left }: ConcurrencyLimit): RateLimitHeaders => ({
  'RateLimit-Policy': `"${name}";q=${most};qu="concurrent-requests"`,
  RateLimit: `"${name}";r=${Math.max(0, left)}`,
})

/** `nextMs`: when there is room for one more than is left. */
export const requestRateHeaders = (
  name: string,
  { count, periodMs }: Rate,
  left: number,
  nextMs: number,
): RateLimitHeaders => ({
  'RateLimit-Policy': `"${name}";q=${count};w=${Math.ceil(periodMs / 1000)}`,
  RateLimit: `"${name}";r=${left}${nextMs > 0 ? `;t=${Math.ceil(nextMs / 1000)}` : ''}`,
})

/** Adds the items of a further limit. */
export function addRateLimit(headers: Headers, limit: RateLimitHeaders): void {
  headers.append('RateLimit-Policy', limit['RateLimit-Policy'])
  headers.append('RateLimit', limit.RateLimit)
}
