/**
 * What every way to send a request shares: how many of an account are worked on at once, and the response with the
 * state of the session (RFC 8620 §3.4).
 */
import type { Access } from '#account/access.ts'
import type { AccountId } from '#base/id.ts'
import type { ConcurrencyLimit } from '#http/rate-limit.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { sessionAccounts } from './accounts.ts'
import type { Capability } from './capability.ts'
import { dispatch } from './dispatch.ts'
import { RequestProblem } from './errors.ts'
import { methodError } from './events.ts'
import { isManaged, type ManagedElsewhere } from './managed.ts'
import type { JmapMethod } from './method.ts'
import type { Asker, JmapRequest } from './request.ts'
import type { JmapServices } from './services.ts'
import { accountObject, sessionObject } from './session-object.ts'
import { jmapSettings } from './settings.ts'
import type { JsonObject } from './value.ts'

type Session = JsonObject & { readonly state: string }

interface KnownSession {
  readonly base: string
  /** Of the store, before anything was read: another one may have another session. */
  readonly revision: number | undefined
  /** What was read. */
  readonly seen: string
  readonly atMs: number
  readonly session: Session
}

/** So long what settings say of a session need not be looked at again. */
const sameSessionMs = 1000

export class RequestProcessor {
  readonly services: JmapServices
  readonly capabilities: readonly Capability[]
  readonly #telemetry: Telemetry
  readonly #urns: ReadonlySet<string>
  readonly #methods: ReadonlyMap<string, JmapMethod>
  readonly #elsewhere: ManagedElsewhere | undefined
  /** The last one of each sign-in. */
  readonly #sessions = new WeakMap<Access, KnownSession>()

  constructor(o: {
    readonly services: JmapServices
    readonly capabilities: readonly Capability[]
    readonly telemetry: Telemetry
    /** Where requests go that manage something, if not here. */
    readonly elsewhere?: ManagedElsewhere
  }) {
    this.services = o.services
    this.capabilities = o.capabilities
    this.#telemetry = o.telemetry
    this.#elsewhere = o.elsewhere
    this.#urns = new Set(o.capabilities.filter((one) => one.session !== undefined).map(({ urn }) => urn))
    this.#methods = new Map(o.capabilities.flatMap(({ methods }) => methods.map((one) => [one.name, one])))
  }

  async session({ access, base }: Pick<Asker, 'access' | 'base'>): Promise<Session> {
    const { services, capabilities } = this
    const revision = services.db.revision?.()
    const now = services.clock.now()
    const last = this.#sessions.get(access)
    const known =
      last !== undefined && last.base === base && now - last.atMs < sameSessionMs ? last : undefined
    if (known !== undefined && revision !== undefined && known.revision === revision) return known.session
    const accounts = await sessionAccounts(services, access)
    const seen = JSON.stringify(accounts)
    const isSame = known?.seen === seen
    const session = isSame
      ? known.session
      : await sessionObject({ services, capabilities, access, base, seen: accounts })
    this.#sessions.set(access, { base, revision, seen, atMs: isSame ? known.atMs : now, session })
    return session
  }

  /** `read` gives the request once there is room for it. Throws RequestProblem. */
  async run(asker: Asker, read: () => JmapRequest | Promise<JmapRequest>): Promise<JsonObject> {
    using _slot = this.#take(asker.access.account)
    return await this.runCounted(asker, await read())
  }

  /** One for which there is room, as who passes it on has seen. Throws RequestProblem. */
  async runCounted(asker: Asker, request: JmapRequest): Promise<JsonObject> {
    const { access, ip, signal } = asker
    const { services, capabilities } = this
    if (this.#elsewhere !== undefined && request.methodCalls.some(({ name }) => isManaged(name)))
      return this.#elsewhere.run(asker, request)
    const { methodResponses, createdIds } = await dispatch(
      {
        services,
        methods: this.#methods,
        capabilities: this.#urns,
        describe: (account) => accountObject({ services, capabilities, access }, account),
        onCrash: (error, method) =>
          this.#telemetry.emit(methodError, { account: access.account, method: method.slice(0, 100), error }),
      },
      request,
      { access, ip, signal },
    )
    const { state } = await this.session(asker)
    return {
      methodResponses: methodResponses as unknown as JsonObject[],
      ...(createdIds === undefined ? {} : { createdIds }),
      sessionState: state,
    }
  }

  /** How many more requests would be worked on besides one that comes now. */
  room({ account }: Pick<Access, 'account'>): ConcurrencyLimit {
    const most = this.services.settings.get(jmapSettings).maxConcurrentRequests
    return { name: 'requests', most, left: most - this.services.running.requests.of(account) - 1 }
  }

  /** Throws RequestProblem `limit`. */
  #take(account: AccountId): Disposable {
    const most = this.services.settings.get(jmapSettings).maxConcurrentRequests
    const slot = this.services.running.requests.take(account, most)
    if (slot !== undefined) return slot
    throw new RequestProblem('limit', `At most ${most} requests are worked on at once.`, {
      limit: 'maxConcurrentRequests',
      status: 429,
    })
  }
}
