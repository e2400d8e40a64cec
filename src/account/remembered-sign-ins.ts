/**
 * Sign-ins of programs that prove who they are with every request, as over HTTP: the first one counts for some
 * minutes, from the same address and over the same protocol.
 *
 * What must always hold: memory holds no secret; a changed password, a deleted credential and a disabled account end
 * it at once, as they end sessions (`access-watch.ts`), and what one may do is what one may do now; what failed is
 * never remembered, and neither is who acts as another, which the audit log must see.
 */
import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import type { Access } from './access.ts'
import type { AccessWatch } from './access-watch.ts'
import type { SignInSource } from './candidate.ts'
import type { SignIn } from './sign-in.ts'

const rememberedMs = 5 * 60_000
const mostRemembered = 10_000

interface Remembered {
  access: Access
  readonly until: number
  readonly watch: Disposable
}

type Ways = Pick<SignIn, 'password' | 'apiKey'>

export class RememberedSignIns implements Ways, Disposable {
  readonly #signIn: Ways
  readonly #watch: Pick<AccessWatch, 'watch'>
  readonly #clock: Clock
  /** Before what is hashed: the marks never leave this process, so that nothing can be appended to them. */
  readonly #key = randomBytes(32).toString('base64')
  readonly #known = new Lru<string, Remembered>(mostRemembered, (_, { watch }) => watch[Symbol.dispose]())

  constructor(o: { signIn: Ways; accessWatch: Pick<AccessWatch, 'watch'>; clock: Clock }) {
    this.#signIn = o.signIn
    this.#watch = o.accessWatch
    this.#clock = o.clock
  }

  password(name: string, password: string, from: SignInSource): Promise<Access | 'wrong'> {
    const signIn = (): Promise<Access | 'wrong'> => this.#signIn.password(name, password, from)
    // RFC 7617 §2: no part has a NUL. "other%name" is somebody who acts as another.
    return name.includes('%') ? signIn() : this.#remember([name, password], from, signIn)
  }

  apiKey(key: string, from: SignInSource): Promise<Access | 'wrong'> {
    return this.#remember([key], from, () => this.#signIn.apiKey(key, from))
  }

  [Symbol.dispose](): void {
    this.#known.drain()
  }

  async #remember(
    secrets: readonly string[],
    { ip, protocol }: SignInSource,
    signIn: () => Promise<Access | 'wrong'>,
  ): Promise<Access | 'wrong'> {
    const mark = hash('sha256', [this.#key, ip, protocol, ...secrets].join('\0'), 'base64')
    const known = this.#known.get(mark)
    const now = this.#clock.now()
    if (known !== undefined && known.until > now) return known.access
    this.#forget(mark)
    const access = await signIn()
    if (access === 'wrong') return access
    const watch = this.#watch.watch(access, (changed) => {
      const remembered = this.#known.get(mark)
      if (changed === undefined) this.#forget(mark)
      else if (remembered !== undefined) remembered.access = changed
    })
    // Another request with the same secret may have been quicker.
    this.#forget(mark)
    this.#known.set(mark, { access, until: now + rememberedMs, watch })
    return access
  }

  #forget(mark: string): void {
    const known = this.#known.get(mark)
    if (known === undefined) return
    known.watch[Symbol.dispose]()
    this.#known.delete(mark)
  }
}
