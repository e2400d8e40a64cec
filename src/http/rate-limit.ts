/** RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers): what a client may do, and how much is left. */

/** How many requests may go on at once. */
export interface ConcurrencyLimit {
  /** Letters, digits and dashes. */
  readonly name: string
  readonly most: number
  readonly left: number
}

export const rateLimitHeaders = ({ name, most, left }: ConcurrencyLimit): Record<string, string> => ({
  'RateLimit-Policy': `"${name}";q=${most};qu="concurrent-requests"`,
  RateLimit: `"${name}";r=${Math.max(0, left)}`,
})
