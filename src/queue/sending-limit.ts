/**
 * How many recipients on other servers an account may send to in an hour and in a day: what keeps a stolen
 * password from making this server a source of spam.
 *
 * What must always hold: counted in the commit that accepts the message, under the account's lock, so the
 * limit is exact over all workers and restarts.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { json } from '#kv/codec.ts'
import { accountTable } from '#kv/table.ts'
import type { WriteTx } from '#kv/tx.ts'

const hourMs = 3_600_000
const hoursKept = 24

/** Recipients by hour since 1970, the last day only. */
type SentRow = Readonly<Record<string, number>>

/** The letter `v` of account keys is this folder's. */
export const sentTable = accountTable({ name: 'sent', letter: 'v', key: [], value: json<SentRow>() })

export interface SendingLimits {
  /** 0: no limit. */
  readonly perHour: number
  readonly perDay: number
}

/** Counts, or throws Fault `rateLimited` and counts nothing. The account must be locked. */
export async function countSent(
  tx: WriteTx,
  account: AccountId,
  recipients: number,
  o: { readonly now: number; readonly limits: SendingLimits },
): Promise<void> {
  const { perHour, perDay } = o.limits
  if (perHour === 0 && perDay === 0) return
  const hour = Math.floor(o.now / hourMs)
  const row = (await tx.get(sentTable, account)) ?? {}
  const recent = Object.entries(row).filter(([at]) => Number(at) > hour - hoursKept)
  const inHour = (row[String(hour)] ?? 0) + recipients
  const inDay = recent.reduce((sum, [, sent]) => sum + sent, 0) + recipients
  if ((perHour > 0 && inHour > perHour) || (perDay > 0 && inDay > perDay)) {
    const limit =
      perHour > 0 && inHour > perHour ? `${perHour} recipients an hour` : `${perDay} recipients a day`
    throw new Fault(
      'rateLimited',
      'you have sent too much, try again later',
      {},
      {
        reason: `the account has sent to more than ${limit}`,
      },
    )
  }
  tx.put(sentTable, [account], { ...Object.fromEntries(recent), [hour]: inHour })
}
