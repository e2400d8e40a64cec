/**
 * Everybody who can be shared with, for JMAP. Read when it is asked for, and kept until somebody changes an account;
 * hints of that may be lost, so it is never kept for long.
 */
import type { Account, Accounts } from '#account/account.ts'
import { accountCache } from '#account/resolution.ts'
import type { Clock } from '#base/clock.ts'
import type { Bus } from '#bus/bus.ts'
import type { Directory, PrincipalProfile } from '#mail/principal.ts'

const longestMs = 60_000
const pageAccounts = 1000

export class AccountDirectory implements Directory {
  readonly #accounts: Pick<Accounts, 'list'>
  readonly #clock: Clock
  #known: { readonly all: Promise<readonly PrincipalProfile[]>; readonly atMs: number } | undefined

  constructor(o: { accounts: Pick<Accounts, 'list'>; bus: Bus; clock: Clock }) {
    this.#accounts = o.accounts
    this.#clock = o.clock
    o.bus.on('forget', ({ cache }) => {
      if (cache === accountCache) this.#known = undefined
    })
  }

  all(): Promise<readonly PrincipalProfile[]> {
    const atMs = this.#clock.now()
    if (this.#known !== undefined && atMs - this.#known.atMs < longestMs) return this.#known.all
    const known = { all: this.#read(), atMs }
    this.#known = known
    known.all.catch(() => {
      if (this.#known === known) this.#known = undefined
    })
    return known.all
  }

  async #read(): Promise<readonly PrincipalProfile[]> {
    const found: PrincipalProfile[] = []
    for (let after: string | undefined; ;) {
      const page = await this.#accounts.list({
        limit: pageAccounts,
        ...(after === undefined ? {} : { after }),
      })
      for (const account of page) if (account.enabled) found.push(profileOf(account))
      after = page.at(-1)?.name
      if (page.length < pageAccounts) return found.toSorted((a, b) => a.id - b.id)
    }
  }
}

const profileOf = ({ id, name, type, emailAddress, description, timeZone }: Account): PrincipalProfile => ({
  id,
  name,
  isGroup: type === 'group',
  email: emailAddress === '' ? null : emailAddress,
  description,
  timeZone: timeZone === '' ? null : timeZone,
})
