/**
 * The second factor of an account: codes of an authenticator program (RFC 6238), and recovery codes for the day
 * when that is lost.
 *
 * What must always hold: a code and a recovery code count once, and that is durable before it counts at all;
 * guessing is cut off after a few codes, since six digits are few: also where they come all at once.
 */
import type { Clock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import type { Db } from '#kv/db.ts'
import { type SecondFactorRow, secondFactorTable } from './credential-tables.ts'
import { readRecoveryCode } from './shown-once.ts'
import { matchingStep } from './totp.ts'

const maxWrong = 10
const blockedMs = 15 * 60_000
const maxTracked = 10_000

interface Failures {
  readonly count: number
  readonly lastMs: number
}

export class SecondFactors {
  readonly #db: Db
  readonly #clock: Clock
  /** Of accounts whose password is known to who guesses: nobody else comes this far. */
  readonly #failures = new Lru<AccountId, Failures>(maxTracked)

  constructor(o: { db: Db; clock: Clock }) {
    this.#db = o.db
    this.#clock = o.clock
  }

  /** Uses the code up. `blocked`: too many were wrong lately. */
  async use(account: AccountId, code: string): Promise<'right' | 'wrong' | 'blocked'> {
    const now = this.#clock.now()
    const failures = this.#failures.get(account)
    const isOld = failures === undefined || now - failures.lastMs > blockedMs
    if (!isOld && failures.count >= maxWrong) return 'blocked'
    // Counted before it is looked at, so that what comes meanwhile knows of it.
    this.#failures.set(account, { count: (isOld ? 0 : failures.count) + 1, lastMs: now })
    const isRight = await this.#db.write([], async (tx) => {
      const row = await tx.get(secondFactorTable, account)
      const used = row?.confirmedAt === undefined ? undefined : afterUse(row, account, code, now)
      if (used !== undefined) tx.put(secondFactorTable, [account], used)
      return used !== undefined
    })
    if (isRight) this.#failures.delete(account)
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
