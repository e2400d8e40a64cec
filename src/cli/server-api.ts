/**
 * The server's management API as commands use it. What goes wrong becomes a CliFailure that says what to do:
 * nobody listens, the certificate is unknown, the password is wrong, or the server's own words.
 */
import { CliFailure } from './failure.ts'
import { noPostern, readAnswer, readEvents, refusalOf, type ServerEvent } from './server-answer.ts'
import { findProof, type Proof, type SignInOptions } from './sign-in.ts'
import type { Terminal } from './terminal.ts'

const timeoutMs = 60_000
const longestStreamMs = 300_000

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

export class ServerApi {
  readonly #terminal: Terminal
  readonly #o: SignInOptions
  #proof: Promise<Proof> | undefined

  constructor(terminal: Terminal, o: SignInOptions) {
    this.#terminal = terminal
    this.#o = o
  }

  /**
   * The `data` of the answer. `path` is below the server's URL and begins with a slash. `ifRevision`: only
   * where the object has this revision still.
   */
  async ask(method: Method, path: string, body?: unknown, o: { ifRevision?: string } = {}): Promise<unknown> {
    const { response, used } = await this.#signedIn((proof) => this.#send(proof, method, path, body, o))
    const answer = await this.#bounded(() => readAnswer(response, this.#o.url))
    if (response.ok) return answer['data']
    throw response.status === 401 ? wrongProof(used) : refusalOf(response.status, answer)
  }

  /** What the server tells as it happens. */
  async *events(path: string): AsyncGenerator<ServerEvent> {
    const { response, used } = await this.#signedIn(({ authorization }) =>
      this.#fetch(path, { headers: { authorization } }, longestStreamMs),
    )
    if (!response.ok) {
      const answer = await this.#bounded(() => readAnswer(response, this.#o.url))
      throw response.status === 401 ? wrongProof(used) : refusalOf(response.status, answer)
    }
    try {
      yield* readEvents(response, this.#o.url)
    } catch (error) {
      throw error instanceof CliFailure ? error : unreachable(error, this.#o.url)
    }
  }

  async #signedIn(send: (proof: Proof) => Promise<Response>): Promise<{ response: Response; used: Proof }> {
    const proof = await this.#prove()
    const response = await send(proof)
    if (response.status !== 401 || proof.from !== 'token') return { response, used: proof }
    await response.body?.cancel()
    const used = await this.#proveWithoutToken(proof)
    return { response: await send(used), used }
  }

  /**
   * Makes sure that a server answers and that there is something to sign in with. For commands that ask
   * questions: nobody should type a password for nothing.
   */
  async ready(): Promise<void> {
    await this.#prove()
  }

  #prove(): Promise<Proof> {
    this.#proof ??= this.#firstProof()
    return this.#proof
  }

  async #firstProof(): Promise<Proof> {
    const alive = await this.#fetch('/healthz/live', {})
    await alive.body?.cancel()
    if (!alive.ok) throw noPostern(alive.status, this.#o.url)
    return findProof(this.#terminal, this.#o)
  }

  /** Of many questions that are refused at once, one asks for the password. */
  async #proveWithoutToken(refused: Proof): Promise<Proof> {
    if ((await this.#prove()) === refused)
      this.#proof = findProof(this.#terminal, this.#o, { withoutToken: true })
    return this.#prove()
  }

  #send(
    { authorization }: Proof,
    method: Method,
    path: string,
    body: unknown,
    o: { ifRevision?: string },
  ): Promise<Response> {
    const headers: Record<string, string> = { authorization }
    if (o.ifRevision !== undefined) headers['if-match'] = `"${o.ifRevision}"`
    if (body === undefined) return this.#fetch(path, { method, headers })
    headers['content-type'] = 'application/json'
    return this.#fetch(path, { method, headers, body: JSON.stringify(body) })
  }

  #fetch(path: string, init: RequestInit, longestMs = timeoutMs): Promise<Response> {
    const signal = AbortSignal.timeout(longestMs)
    return this.#bounded(() => fetch(new URL(path, this.#o.url), { ...init, redirect: 'manual', signal }))
  }

  async #bounded<T>(doing: () => Promise<T>): Promise<T> {
    try {
      return await doing()
    } catch (error) {
      if (error instanceof CliFailure) throw error
      throw unreachable(error, this.#o.url)
    }
  }
}

const placeOf = {
  environment: 'the password came from POSTERN_PASSWORD',
  key: 'the key came from POSTERN_API_KEY',
  input: 'the password came from standard input',
  question: 'the password is what was typed',
  token: 'the token came from the data directory',
} as const

function wrongProof({ from }: Proof): CliFailure {
  const what = from === 'key' ? 'key' : 'password'
  const advice =
    from === 'key'
      ? 'keys are made by whoever signs in with a password'
      : "the server prints the administrator's password once, at its first start"
  return new CliFailure(`the server does not accept the ${what}`, { hint: `${placeOf[from]}; ${advice}` })
}

function unreachable(error: unknown, url: URL): CliFailure {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new CliFailure(`${url.origin} did not answer within ${timeoutMs / 1000} s`)
  }
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code === 'ECONNREFUSED') {
    return new CliFailure(`no server answers at ${url.origin}`, {
      hint: 'start it with `npm start`, or say where it is with --url or POSTERN_URL',
    })
  }
  if (/^ERR_SSL_|^EPROTO/.test(code)) {
    return new CliFailure(`${url.origin} does not speak TLS`, {
      hint: 'is it http:// in --url or POSTERN_URL?',
    })
  }
  if (/CERT|SELF_SIGNED|ISSUER/.test(code)) {
    return new CliFailure(`the certificate of ${url.origin} is not trusted (${code})`, {
      hint: 'name a file with the certificate in NODE_EXTRA_CA_CERTS; on the server itself use a listener in clear, such as [server.listener.local] with bind = ["127.0.0.1:8080"] and protocol = "http"',
    })
  }
  const why = cause instanceof Error ? cause.message : String(error)
  return new CliFailure(`${url.origin} cannot be asked: ${why}`, { hint: 'check --url or POSTERN_URL' })
}
