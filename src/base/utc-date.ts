/** Moments as JSON has them, in UTC. */

/**
 * RFC 3339 §5.6 with parts of a second only where there are some, as RFC 8620 §1.4 wants it:
 * `2026-03-04T05:06:07Z`. Takes milliseconds since 1970.
 */
export const utcDateOf = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z')
