/**
 * A method of JMAP as the dispatcher knows it. The standard ones are made by `standard-get.ts` and the files
 * beside it, of what is particular to their type; others are objects of this form.
 *
 * What must always hold: `arguments` are read before `call` is called, so that a wrong one is refused with nothing
 * done; what is thrown is a MethodError or a Fault, and then nothing has changed (RFC 8620 §3.6.2).
 */
import type { Access } from '#account/access.ts'
import type { Permission } from '#account/permission.ts'
import type { OpenAccount, SeenAccount } from './accounts.ts'
import type { JmapServices } from './services.ts'
import { id, type Fields, type JsonObject, type ReadFields } from './value.ts'

/** What a request has while its calls are worked on. */
export interface Call {
  readonly services: JmapServices
  readonly access: Access
  /** Of the client. */
  readonly ip: string
  /** The capabilities that the request uses: what comes with others is as if it were not there (RFC 8620 §1.8). */
  readonly using: ReadonlySet<string>
  /** By creation id, over all calls of the request (RFC 8620 §3.3). */
  readonly createdIds: Map<string, string>
  /** The account with this id, if the user can see it. Throws MethodError `accountNotFound`. */
  account(accountId: string): Promise<OpenAccount>
  /** The Account object of one that the user can see, as in the session. */
  describe(account: SeenAccount): Promise<JsonObject>
  /** What an id that may be "#" and a creation id stands for: undefined where nothing was created under it. */
  resolve(idOrReference: string): string | undefined
  /** What another method answers, whether the request may use it or not: a call that a standard demands behind one. */
  imply(name: string, args: JsonObject): Promise<readonly MethodResponse[]>
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal
}

/** The response of a method: its name is that of the call, where nothing else is said (RFC 8620 §3.4). */
export interface MethodResponse {
  readonly name?: string
  readonly arguments: JsonObject
}

export interface JmapMethod<F extends Fields = Fields> {
  /** "Email/get" */
  readonly name: string
  /** The capability that must be among those that the request uses. */
  readonly using: string
  readonly standard: string
  /** Whoever signed in, where none is named. */
  readonly permission?: Permission
  readonly arguments: F
  /** Arguments of any name are let through as they are. */
  readonly takesAnything?: true
  /** Those without which the call is refused. */
  readonly required: readonly (keyof F & string)[]
  call(call: Call, args: ReadFields<F>): Promise<readonly MethodResponse[]>
}

/** One with its arguments typed. */
export const method = <const F extends Fields>(of: JmapMethod<F>): JmapMethod => of as unknown as JmapMethod

/** Nearly every method has it (RFC 8620 §3.6.2). */
export const accountField = { accountId: id } as const
