/** Which certificates are about to be refused by clients. */
import type { CertificateFacts } from './inspect.ts'

const dayMs = 86_400_000

/** Authorities that renew by themselves do so earlier than this. */
const warnDays = 14

export interface Expiry {
  /** Whole days; below zero where it is over. */
  readonly daysLeft: number
  readonly notValidAfter: string
}

/** Undefined as long as there is time. */
export function expiryOf(facts: CertificateFacts, nowMs: number): Expiry | undefined {
  const daysLeft = Math.floor((facts.notValidAfterMs - nowMs) / dayMs)
  if (daysLeft >= warnDays) return undefined
  return { daysLeft, notValidAfter: new Date(facts.notValidAfterMs).toISOString() }
}
