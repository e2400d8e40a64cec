/**
 * How often the server asks for verifications: it must not be made to knock at doors of strangers by subscriptions
 * that are made and destroyed again (RFC 8620 §8.6).
 */
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'

const keptAccounts = 10_000
/** Of an account. */
const mostKept = 100

interface Asked {
  readonly url: string
  readonly at: number
}

export class VerificationLimit {
  readonly #asked = new Lru<AccountId, readonly Asked[]>(keptAccounts)

  /**
   * When an account may ask at the URL, no earlier than `nowMs`; that is taken then. One URL once in `periodMs`, and
   * `most` in all.
   */
  take(account: AccountId, url: string, o: { nowMs: number; periodMs: number; most: number }): number {
    const recent = (this.#asked.get(account) ?? []).filter(({ at }) => at + o.periodMs > o.nowMs)
    const same = recent.findLast((one) => one.url === url)?.at ?? -Infinity
    const oldest = recent.at(-o.most)?.at ?? -Infinity
    const at = Math.max(o.nowMs, same + o.periodMs, oldest + o.periodMs)
    this.#asked.set(account, [...recent, { url, at }].slice(-Math.max(o.most, mostKept)))
    return at
  }
}
