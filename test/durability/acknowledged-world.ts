/** The sessions of one life of the server, over which everything is asked for that can be acknowledged. */
import { Conversation } from '../harness/conversation.ts'
import { basicAuth, type TestServer } from '../harness/server.ts'
import { ImapClient } from './client.ts'

export const alice = 'alice@example.org'
export const bob = 'bob@example.org'
export const dave = 'dave@example.org'
export const password = 'a-password-for-the-load'

export interface Answer {
  readonly done: boolean
  /** As it came. */
  readonly text: string
}

type Json = Readonly<Record<string, unknown>>

export class World {
  readonly server: TestServer
  readonly #admin: string
  readonly #imap: ImapClient
  readonly #account: string

  private constructor(server: TestServer, admin: string, imap: ImapClient, account: string) {
    this.server = server
    this.#admin = admin
    this.#imap = imap
    this.#account = account
  }

  static async open(server: TestServer, admin: string): Promise<World> {
    const imap = await ImapClient.open(server.imapPort, { user: alice, password, tagPrefix: 'm' })
    const session = await fetch(`http://127.0.0.1:${server.httpPort}/jmap/session`, { headers: as(alice) })
    const { primaryAccounts } = (await session.json()) as { primaryAccounts: Record<string, string> }
    return new World(server, admin, imap, primaryAccounts['urn:ietf:params:jmap:mail']!)
  }

  async imap(command: string, literal?: Uint8Array): Promise<Answer & { readonly untagged: string }> {
    const { status, text, untagged } = await this.#imap.command(command, literal)
    const lines = untagged.map((one) => one.text + one.literals.map(String).join(' ')).join('\n')
    return { done: status === 'OK', text: `${status} ${text}`, untagged: lines }
  }

  /** In a mailbox of Alice. */
  async finds(mailbox: string, criteria: string): Promise<boolean> {
    await this.imap(`EXAMINE ${mailbox}`)
    return /SEARCH \d/.test((await this.imap(`UID SEARCH ${criteria}`)).untagged)
  }

  async select(mailbox: string, command: string): Promise<Answer> {
    await this.imap(`SELECT ${mailbox}`)
    return this.imap(command)
  }

  /** The result of one method. */
  async call(method: string, args: Json): Promise<Json> {
    const using = ['core', 'mail', 'submission', 'blob'].map((name) => `urn:ietf:params:jmap:${name}`)
    const accountId = method.startsWith('PushSubscription/') ? {} : { accountId: this.#account }
    const body = JSON.stringify({ using, methodCalls: [[method, { ...accountId, ...args }, 'c']] })
    const headers = { ...as(alice), 'content-type': 'application/json' }
    const url = `http://127.0.0.1:${this.server.httpPort}/jmap/`
    const response = await fetch(url, { method: 'POST', headers, body })
    const text = await response.text()
    if (response.status !== 200) return { type: text }
    return (JSON.parse(text) as { methodResponses: [[string, Json, string]] }).methodResponses[0][1]
  }

  /** Done where the result names the object under `created`, `updated` or `destroyed`. */
  async set(method: string, args: Json): Promise<Answer> {
    const result = await this.call(method, args)
    const done = ['created', 'updated', 'destroyed'].some(
      (name) => Object.keys(result[name] ?? {}).length > 0,
    )
    return { done, text: JSON.stringify(result) }
  }

  /** The id of the message with this key. */
  async emailId(key: string): Promise<string> {
    const { ids } = await this.call('Email/query', { filter: { header: ['X-Load', key] } })
    return (ids as string[])[0] ?? 'none'
  }

  async mailboxId(name: string): Promise<string> {
    const { ids } = await this.call('Mailbox/query', { filter: { name } })
    return (ids as string[])[0] ?? 'none'
  }

  async upload(text: string): Promise<Answer & { readonly blobId: string }> {
    const url = `http://127.0.0.1:${this.server.httpPort}/jmap/upload/${this.#account}/`
    // The server ends the connection of one that it did not read to its end: nothing else is to come over it.
    const headers = { ...as(alice), connection: 'close' }
    const response = await fetch(url, { method: 'POST', headers, body: text })
    const body = await response.text()
    const { blobId = '' } = JSON.parse(body) as { blobId?: string }
    return { done: response.ok, text: `${response.status} ${body}`, blobId }
  }

  async canDownload(blobId: string): Promise<boolean> {
    return (await this.download(blobId)).startsWith('200 ')
  }

  /** Its status and what came. */
  async download(blobId: string): Promise<string> {
    const url = `http://127.0.0.1:${this.server.httpPort}/jmap/download/${this.#account}/${blobId}/x?accept=text/plain`
    const response = await fetch(url, { headers: as(alice) })
    return `${response.status} ${await response.text()}`
  }

  /** As the administrator, or as somebody else. */
  async api(method: string, path: string, body?: Json, who?: string): Promise<Answer> {
    const headers = {
      ...(who === undefined ? { authorization: basicAuth('admin', this.#admin) } : as(who)),
      'content-type': 'application/json',
    }
    const response = await fetch(`http://127.0.0.1:${this.server.httpPort}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { done: response.ok, text: `${response.status} ${await response.text()}` }
  }

  /** The last reply of a conversation in which all but the last are as expected. */
  async converse(port: number, ...turns: readonly (string | Uint8Array)[]): Promise<Answer> {
    await using session = await Conversation.connect(port)
    await session.until(/^220 /)
    for (const turn of turns.slice(0, -1)) {
      session.sendRaw(turn)
      await session.until(/^\d{3} /)
    }
    session.sendRaw(turns.at(-1)!)
    const text = (await session.until(/^\d{3} /)).join('\n')
    return { done: text.startsWith('250'), text }
  }

  close(): void {
    this.#imap.close()
  }
}

const as = (name: string): { readonly authorization: string } => ({
  authorization: basicAuth(name, password),
})
