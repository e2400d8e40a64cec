/**
 * The second factor of an account: codes of an authenticator program (RFC 6238), and recovery codes for the day
 * when that is lost.
 *
 * What must always hold: a code and a recovery code count once, and that is durable before it counts at all;
 * guessing is cut off after a few codes, since six digits are few: also where they come all at once.
 */
import type { Clock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import type { Rate, RateLimiter } from '#base/rate.ts'
import type { Db } from '#kv/db.ts'
import { type SecondFactorRow, secondFactorTable } from './credential-tables.ts'
import { readRecoveryCode } from './shown-once.ts'
import { matchingStep } from './totp.ts'

const mostWrong: Rate = { count: 10, periodMs: 15 * 60_000 }

export class SecondFactors {
  readonly #db: Db
  readonly #clock: Clock
  /** Of accounts whose password is known to who guesses: nobody else comes this far. */
  readonly #wrong: RateLimiter<AccountId>

  constructor(o: { db: Db; clock: Clock; wrongCodes: RateLimiter<AccountId> }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#wrong = o.wrongCodes
  }

  /** Uses the code up. `blocked`: too many were wrong lately. */
  async use(account: AccountId, code: string): Promise<'right' | 'wrong' | 'blocked'> {
    const now = this.#clock.now()
    // Counted before it is looked at, so that what comes meanwhile knows of it.
    if (this.#wrong.take(account, mostWrong, now) > 0) return 'blocked'
    const isRight = await this.#db.write([], async (tx) => {
      const row = await tx.get(secondFactorTable, account)
      const used = row?.confirmedAt === undefined ? undefined : afterUse(row, account, code, now)
      if (used !== undefined) tx.put(secondFactorTable, [account], used)
      return used !== undefined
    })
    if (isRight) this.#wrong.giveBack(account, mostWrong, this.#clock.now())
    return isRight ? 'right' : 'wrong'
  }
}

/** The row once the code is used; undefined where it is not right. */
function afterUse(
  row: SecondFactorRow,
  account: AccountId,
  code: string,
  nowMs: number,
): SecondFactorRow | undefined {
  const step = matchingStep(Buffer.from(row.secret, 'hex'), code, nowMs, row.lastStep)
  if (step !== undefined) return { ...row, lastStep: step }
  const digest = readRecoveryCode(account, code)
  if (digest === undefined || !row.recovery.includes(digest)) return undefined
  return { ...row, recovery: row.recovery.filter((one) => one !== digest) }
}
