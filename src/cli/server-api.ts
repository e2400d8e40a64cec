/**
 * The server's management API as commands use it. What goes wrong becomes a CliFailure that says what to do:
 * nobody listens, the certificate is unknown, the password is wrong, or the server's own words.
 */
import { CliFailure } from './failure.ts'
import { findProof, type Proof, type SignInOptions } from './sign-in.ts'
import type { Terminal } from './terminal.ts'

const timeoutMs = 60_000

export class ServerApi {
  readonly #terminal: Terminal
  readonly #o: SignInOptions
  #proof: Proof | undefined

  constructor(terminal: Terminal, o: SignInOptions) {
    this.#terminal = terminal
    this.#o = o
  }

  /** The `data` of the answer. `path` is below the server's URL and begins with a slash. */
  async ask(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<unknown> {
    this.#proof = await this.#prove()
    let response = await this.#send(method, path, body)
    if (response.status === 401 && this.#proof.from === 'token') {
      this.#proof = await findProof(this.#terminal, this.#o, { withoutToken: true })
      response = await this.#send(method, path, body)
    }
    const answer = await readAnswer(response, this.#o.url)
    if (response.ok) return answer['data']
    throw failureOf(response.status, answer, this.#proof)
  }

  /**
   * Makes sure that a server answers and that there is something to sign in with. For commands that ask
   * questions: nobody should type a password for nothing.
   */
  async ready(): Promise<void> {
    this.#proof = await this.#prove()
  }

  async #prove(): Promise<Proof> {
    if (this.#proof !== undefined) return this.#proof
    const alive = await this.#fetch('/healthz/live', {})
    await alive.body?.cancel()
    if (!alive.ok) throw noPostern(alive.status, this.#o.url)
    return findProof(this.#terminal, this.#o)
  }

  #send(method: string, path: string, body: unknown): Promise<Response> {
    const headers: Record<string, string> = { authorization: this.#proof!.authorization }
    if (body === undefined) return this.#fetch(path, { method, headers })
    headers['content-type'] = 'application/json'
    return this.#fetch(path, { method, headers, body: JSON.stringify(body) })
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      const signal = AbortSignal.timeout(timeoutMs)
      return await fetch(new URL(path, this.#o.url), { ...init, redirect: 'error', signal })
    } catch (error) {
      throw unreachable(error, this.#o.url)
    }
  }
}

async function readAnswer(response: Response, url: URL): Promise<Record<string, unknown>> {
  try {
    const answer: unknown = await response.json()
    if (typeof answer === 'object' && answer !== null) return answer as Record<string, unknown>
  } catch {
    // Something that is not JSON: told below.
  }
  throw noPostern(response.status, url)
}

const noPostern = (status: number, url: URL): CliFailure =>
  new CliFailure(`${url.origin} does not answer as a Postern server does (HTTP ${status})`, {
    hint: 'name the server with --url or POSTERN_URL',
  })

function failureOf(status: number, problem: Record<string, unknown>, proof: Proof): CliFailure {
  const detail = problem['detail'] ?? problem['title']
  const text = typeof detail === 'string' ? detail : `the server said no (HTTP ${status})`
  if (status === 401 && proof.from !== 'token') {
    const where = { environment: 'POSTERN_PASSWORD', input: 'standard input', question: 'what was typed' }[
      proof.from
    ]
    return new CliFailure('the server does not accept the password', {
      hint: `it came from ${where}; the server prints the administrator's password once, at its first start`,
    })
  }
  return new CliFailure(text)
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
  if (/CERT|SELF_SIGNED|ISSUER/.test(code)) {
    return new CliFailure(`the certificate of ${url.origin} is not trusted (${code})`, {
      hint: 'name a file with the certificate in NODE_EXTRA_CA_CERTS, or run this on the server itself',
    })
  }
  const why = cause instanceof Error ? cause.message : String(error)
  return new CliFailure(`${url.origin} cannot be asked: ${why}`, { hint: 'check --url or POSTERN_URL' })
}
