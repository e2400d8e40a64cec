/** A JMAP client of the bench: one connection that is kept, requests one after the other. */
import type { Endpoint } from '../target.ts'
import { type HttpAnswer, HttpConnection } from './http-connection.ts'

type Json = Readonly<Record<string, unknown>>
export type Invocation = readonly [name: string, args: Json, callId: string]

const using = ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail']
const mostRedirects = 3

export class JmapClient {
  readonly #connection: HttpConnection
  readonly #authorization: string
  #sessionPath = '/.well-known/jmap'
  #apiPath = ''
  accountId = ''

  private constructor(endpoint: Endpoint, user: string, password: string) {
    this.#connection = new HttpConnection(endpoint)
    this.#authorization = `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}\r\n`
  }

  static async open(endpoint: Endpoint, user: string, password: string): Promise<JmapClient> {
    const client = new JmapClient(endpoint, user, password)
    const session = JSON.parse(await client.session()) as {
      apiUrl: string
      primaryAccounts: Record<string, string>
    }
    client.#apiPath = new URL(session.apiUrl, 'http://bench').pathname
    client.accountId = session.primaryAccounts['urn:ietf:params:jmap:mail']!
    return client
  }

  /** The Session object as text. */
  async session(): Promise<string> {
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const { status, location, text } = await this.#send('GET', this.#sessionPath)
      if (status === 200) return text
      if (location === undefined) throw new Error(`GET ${this.#sessionPath}: ${status}`)
      this.#sessionPath = new URL(location, `http://bench${this.#sessionPath}`).pathname
    }
    throw new Error('too many redirects')
  }

  /** The responses. Throws Error where one of them is an error. */
  async ask(...methodCalls: readonly Invocation[]): Promise<readonly Json[]> {
    const { responses, text } = parsed(await this.send(requestOf(methodCalls)))
    if (responses.some(([name]) => name === 'error')) throw new Error(text.slice(0, 500))
    return responses.map(([, args]) => args)
  }

  /** The answer to a request that was made before, as text: nothing of it is read. */
  async send(body: Buffer): Promise<string> {
    const { status, text } = await this.#send('POST', this.#apiPath, body)
    if (status !== 200) throw new Error(`POST ${this.#apiPath}: ${status} ${text.slice(0, 500)}`)
    return text
  }

  close(): void {
    this.#connection.close()
  }

  #send(method: string, path: string, body?: Buffer): Promise<HttpAnswer> {
    const type = body === undefined ? '' : 'Content-Type: application/json\r\n'
    return this.#connection.send(method, path, this.#authorization + type, body)
  }
}

export const requestOf = (methodCalls: readonly Invocation[]): Buffer =>
  Buffer.from(JSON.stringify({ using, methodCalls }))

function parsed(text: string): { responses: readonly Invocation[]; text: string } {
  const { methodResponses } = JSON.parse(text) as { methodResponses: readonly Invocation[] }
  return { responses: methodResponses, text }
}
