/** Requests of JMAP as they are, for tests that choose methods and arguments by chance. */
import assert from 'node:assert/strict'
import { apiKey, sessionUrl } from './jmap-account.ts'
import type { User } from './read-by-curl.ts'
import type { TestServer } from '../harness/server.ts'

export type Json = Readonly<Record<string, unknown>>
export type MethodCall = readonly [name: string, args: Json]

const using = ['core', 'mail', 'mail:share', 'principals'].map((name) => `urn:ietf:params:jmap:${name}`)

export class JmapConnection {
  readonly #server: Pick<TestServer, 'httpPort'>
  readonly #key: string
  readonly accountId: string

  private constructor(server: Pick<TestServer, 'httpPort'>, key: string, accountId: string) {
    this.#server = server
    this.#key = key
    this.accountId = accountId
  }

  static async open(server: Pick<TestServer, 'httpPort'>, user: User): Promise<JmapConnection> {
    const key = await apiKey(server, user)
    const answer = await fetch(sessionUrl(server), { headers: { authorization: `Bearer ${key}` } })
    const { primaryAccounts } = (await answer.json()) as { primaryAccounts: Record<string, string> }
    return new JmapConnection(server, key, primaryAccounts['urn:ietf:params:jmap:mail']!)
  }

  /** The same user in another account. */
  in(accountId: string): JmapConnection {
    return new JmapConnection(this.#server, this.#key, accountId)
  }

  /** The answers of the methods, of which none is an error. The account goes with each call. */
  async ask(...calls: readonly MethodCall[]): Promise<readonly Json[]> {
    const responses = await this.send(calls)
    for (const [i, [name, args]] of responses.entries())
      assert.notEqual(name, 'error', `${JSON.stringify(calls[i])}: ${JSON.stringify(args)}`)
    return responses.map(([, args]) => args)
  }

  async send(calls: readonly MethodCall[]): Promise<readonly MethodCall[]> {
    const methodCalls = calls.map(([name, args], i) => [
      name,
      { accountId: this.accountId, ...args },
      `c${i}`,
    ])
    const answer = await fetch(`http://127.0.0.1:${this.#server.httpPort}/jmap/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ using, methodCalls }),
    })
    const text = await answer.text()
    assert.equal(answer.status, 200, text)
    return (JSON.parse(text) as { methodResponses: readonly MethodCall[] }).methodResponses
  }

  /** The blob's id. */
  async upload(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.#server.httpPort}/jmap/upload/${this.accountId}/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'message/rfc822' },
      body: bytes,
    })
    assert.equal(answer.status, 201)
    return ((await answer.json()) as { blobId: string }).blobId
  }
}
