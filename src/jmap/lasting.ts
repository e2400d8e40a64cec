/**
 * What connections that last have in common, whatever goes over them: an account has so many of a kind at once, each
 * knows what its user may do now, and ends when the user may nothing any more or the server drains.
 */
import type { Access } from '#account/access.ts'
import type { AccessWatch } from '#account/access-watch.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { RunningCount } from '#base/running-count.ts'

/** Of one kind and account. */
const mostOfAccount = 20
/** A client that is refused may come back after this. */
const againMs = 30_000

/** `refused`: the account, its password or the credential is not what it was. */
export type End = 'draining' | 'refused' | 'gone'

export interface LastingOptions {
  readonly access: Access
  readonly accessWatch: Pick<AccessWatch, 'watch'>
  readonly open: RunningCount<AccountId>
  readonly draining: AbortSignal
}

export class Lasting implements Disposable {
  readonly #o: LastingOptions
  readonly #end = new AbortController()
  readonly #held = new DisposableStack()
  #access: Access
  /** The user may do, and see, something else now. */
  onAccess: (access: Access) => void = () => {}

  /** Throws Fault `rateLimited` and `unavailable`. */
  constructor(o: LastingOptions) {
    this.#o = o
    this.#access = o.access
    if (o.draining.aborted) throw new Fault('unavailable', 'The server is going away.', {})
    const slot = o.open.take(o.access.account, mostOfAccount)
    if (slot === undefined)
      throw new Fault('rateLimited', `An account may have ${mostOfAccount} connections of this kind.`, {
        retryAfterMs: againMs,
      })
    this.#held.use(slot)
    this.#held.use(o.accessWatch.watch(o.access, (now) => this.#accessIs(now)))
    o.draining.addEventListener('abort', this.#drain)
  }

  get access(): Access {
    return this.#access
  }

  /** Fires at the end; its reason is an `End`. */
  get signal(): AbortSignal {
    return this.#end.signal
  }

  end(why: End): void {
    if (this.signal.aborted) return
    this.#end.abort(why)
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.end('gone')
    this.#o.draining.removeEventListener('abort', this.#drain)
    this.#held.dispose()
  }

  readonly #drain = (): void => this.end('draining')

  #accessIs(now: Access | undefined): void {
    if (now?.permissions.has('jmapAuthenticate') !== true) return this.end('refused')
    this.#access = now
    this.onAccess(now)
  }
}
