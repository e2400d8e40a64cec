/**
 * How much an event matters. `error`: somebody must act; `warn`: somebody may want to; `info`: the milestones
 * of a message or a session; `debug`: every step. A log shows its level and all that matter more.
 */

export const levels = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof levels)[number]

/** Higher matters more. */
export const rankOf = (level: Level): number => levels.indexOf(level)
