/**
 * The password of an account and its second factor, as its owner and whoever manages accounts change them.
 *
 * What must always hold: the owner proves the present password for any change, since a browser that was left
 * open has none, and one that is set by somebody else meanwhile is not set back; a second factor counts from the commit on that a code of it was shown in; what is secret is
 * never shown again.
 */
import type { Clock } from '#base/clock.ts'
import { invalidProperties, type PropertyProblem } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { renaming } from '#registry/change.ts'
import {
  type ManagedObject,
  type ObjectHandler,
  type Plan,
  type QueryResult,
  type Scope,
  singletonId,
} from '#registry/managed-object.ts'
import { boolean, dateTime, integer, list, secret, text } from '#settings/field.ts'
import type { Secret } from '#settings/secret.ts'
import type { Values } from '#settings/values.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { Accounts } from '../account.ts'
import { noSuchAccount } from '../account-rows.ts'
import { administratorName } from '../candidate.ts'
import {
  administratorId,
  passwordTable,
  type SecondFactorRow,
  secondFactorTable,
} from '../credential-tables.ts'
import { passwordChanged, secondFactorChanged } from '../events.ts'
import type { PasswordPolicy } from '../password-policy.ts'
import { allPermissions } from '../permission.ts'
import { newRecoveryCode } from '../shown-once.ts'
import type { SignIn } from '../sign-in.ts'
import { accountRowTable } from '../tables.ts'
import { matchingStep, readOtpauthUrl } from '../totp.ts'
import { assertHas, assertNotAbove } from './escalation.ts'
import { momentOf } from './fields.ts'

const recoveryCodes = 10

const accountPasswordObject: ManagedObject = {
  name: 'AccountPassword',
  title: 'Own password',
  help: 'The password of the own account, and its second factor.',
  kind: 'singleton',
  ofAccount: true,
  proofs: ['currentSecret', 'otpCode'],
  fields: {
    currentSecret: secret({
      fallback: undefined,
      help: 'The password as it is now: needed for any change to the own account.',
    }),
    secret: secret({ fallback: undefined, help: 'The new password.' }),
    secondFactor: boolean({
      fallback: false,
      help: 'Whether sign-in over HTTP asks for a code besides the password, and mail programs need app passwords.',
    }),
    otpUrl: secret({
      fallback: undefined,
      help: 'To switch it on: the otpauth URL that the authenticator program was given.',
    }),
    otpCode: secret({
      fallback: undefined,
      help: 'To switch it on: a code that the program shows. Where it is on: a code or a recovery code.',
    }),
    changedAt: dateTime({ fallback: undefined, settable: 'never', help: 'When the password was set.' }),
    expiresAt: dateTime({
      fallback: undefined,
      settable: 'never',
      help: 'Until when the password can be used.',
    }),
    recoveryCodesLeft: integer({
      fallback: 0,
      settable: 'never',
      help: 'Recovery codes that were not used.',
    }),
    recoveryCodes: list(text({ fallback: undefined, help: 'A code.' }), {
      fallback: [],
      settable: 'never',
      help: 'Each stands in for a code of the second factor once: shown once, when that is switched on.',
    }),
  },
  filters: {},
}

export interface AccountPasswordOptions {
  readonly db: Db
  readonly clock: Clock
  readonly accounts: Accounts
  readonly passwords: PasswordPolicy
  readonly signIn: Pick<SignIn, 'administrator'>
  readonly telemetry: Telemetry
}

interface Wanted {
  readonly password: Awaited<ReturnType<PasswordPolicy['accept']>> | undefined
  readonly factor:
    | { readonly row: SecondFactorRow | undefined; readonly shown: readonly string[] }
    | undefined
}

export class AccountPasswordHandler implements ObjectHandler {
  readonly object = accountPasswordObject
  readonly #o: AccountPasswordOptions

  constructor(o: AccountPasswordOptions) {
    this.#o = o
  }

  async locate(): Promise<string> {
    return singletonId
  }

  async read(tx: ReadTx, _id: string, { account }: Scope): Promise<Values | undefined> {
    if (account !== administratorId && (await tx.get(accountRowTable, account))?.type !== 'user')
      return undefined
    const password = await tx.get(passwordTable, account)
    const factor = await tx.get(secondFactorTable, account)
    const isOn = factor?.confirmedAt !== undefined
    return {
      secondFactor: isOn,
      changedAt: password === undefined ? undefined : momentOf(password.changedAt),
      expiresAt: password?.expiresAt === undefined ? undefined : momentOf(password.expiresAt),
      recoveryCodesLeft: isOn ? factor.recovery.length : 0,
    }
  }

  async query(): Promise<QueryResult> {
    return { ids: [singletonId], total: 1 }
  }

  async update(_id: string, patch: Values, scope: Scope): Promise<Plan> {
    const { actor, account } = scope
    const { accounts, telemetry } = this.#o
    const owner = await this.#owner(account)
    const isOwn = actor.account === account && account !== administratorId
    const proven = isOwn ? await this.#prove(owner.name, patch, scope) : undefined
    const wanted: Wanted = {
      password: await this.#password(patch, account, owner),
      factor: this.#factor(patch, account),
    }
    const { password, factor } = wanted
    return {
      accounts: [],
      ...(factor === undefined || factor.shown.length === 0
        ? {}
        : { shownOnce: { recoveryCodes: factor.shown } }),
      apply: async (tx) => {
        await this.#assertMay(tx, scope)
        if (proven !== undefined && proven !== (await versionOf(tx, account)))
          throw wrong('currentSecret', 'is not the present password any more')
        if (password !== undefined) tx.put(passwordTable, [account], password)
        if (factor?.row !== undefined) tx.put(secondFactorTable, [account], factor.row)
        else if (factor !== undefined) tx.delete(secondFactorTable, [account])
        return singletonId
      },
      committed: () => {
        accounts.forget(String(account))
        if (password !== undefined) telemetry.emit(passwordChanged, { account, name: owner.name })
        if (factor !== undefined)
          telemetry.emit(secondFactorChanged, { account, isOn: factor.row !== undefined })
      },
    }
  }

  /** Nobody takes over an account that may do more. */
  async #assertMay(tx: WriteTx, { actor, account }: Scope): Promise<void> {
    if (account === administratorId) return assertHas(actor, allPermissions)
    const row = await tx.get(accountRowTable, account)
    if (row === undefined) throw noSuchAccount()
    if (actor.account !== account) await assertNotAbove(tx, actor, row)
  }

  async #owner(account: AccountId): Promise<{ readonly name: string; readonly description: string }> {
    if (account === administratorId) return { name: administratorName, description: '' }
    const row = await this.#o.db.read((tx) => tx.get(accountRowTable, account))
    if (row === undefined) throw noSuchAccount()
    return row
  }

  /** What was proven is worth something as long as this is the version. */
  async #prove(name: string, patch: Values, { actor, account }: Scope): Promise<string> {
    const version = await this.#o.db.read((tx) => versionOf(tx, account))
    const given = revealed(patch, 'currentSecret')
    const code = revealed(patch, 'otpCode')
    const from = { ip: actor.ip, protocol: actor.protocol }
    const found =
      given === undefined
        ? 'wrong'
        : await this.#o.signIn.administrator(name, given, from, code === undefined ? {} : { code })
    if (found === 'wrong' || found.account !== account || found.credential !== undefined)
      throw wrong('currentSecret', 'must be the present password, with otpCode where the second factor is on')
    return version
  }

  async #password(
    patch: Values,
    account: AccountId,
    owner: { readonly name: string; readonly description: string },
  ): Promise<Wanted['password']> {
    const given = revealed(patch, 'secret')
    if (given === undefined) return undefined
    const { passwords, clock } = this.#o
    const prepared = await passwords
      .check(given, [owner.name, owner.description])
      .catch(renaming(() => 'secret'))
    // Nobody could renew the administrator's in time.
    return account === administratorId
      ? passwords.keepForEver(prepared, clock.now())
      : passwords.keep(prepared, clock.now())
  }

  /** What becomes of the second factor; undefined where nothing was said. */
  #factor(patch: Values, account: AccountId): Wanted['factor'] {
    const isOn = patch['secondFactor']
    if (isOn === undefined) return undefined
    if (isOn === false) return { row: undefined, shown: [] }
    const url = revealed(patch, 'otpUrl')
    const key = url === undefined ? undefined : readOtpauthUrl(url)
    if (key === undefined)
      throw wrong(
        'otpUrl',
        'must be an otpauth URL for codes of six digits, with a secret of 128 bits or more',
      )
    const now = this.#o.clock.now()
    const step = matchingStep(key, revealed(patch, 'otpCode') ?? '', now, 0)
    if (step === undefined)
      throw wrong('otpCode', 'must be the code that the authenticator program shows now')
    const codes = Array.from({ length: recoveryCodes }, () => newRecoveryCode(account))
    const row = {
      secret: key.toString('hex'),
      confirmedAt: now,
      lastStep: step,
      recovery: codes.map(({ digest }) => digest),
    }
    return { row, shown: codes.map(({ shown }) => shown) }
  }
}

/** Another one as soon as the password or the second factor is another one; a password hashed anew is the same. */
async function versionOf(tx: ReadTx, account: AccountId): Promise<string> {
  const password = await tx.get(passwordTable, account)
  const factor = await tx.get(secondFactorTable, account)
  return `${password?.changedAt} ${factor?.confirmedAt}`
}

const revealed = (patch: Values, name: string): string | undefined =>
  (patch[name] as Secret | undefined)?.reveal()

const wrong = (property: PropertyProblem['property'], problem: string) =>
  invalidProperties([{ property, problem }])
