/** The user whose devices are told of changes: what makes those, and what shows the states of all types. */
import assert from 'node:assert/strict'
import { basicAuth, type TestServer } from '../harness/server.ts'
import { ImapClient, SmtpClient } from './client.ts'
import { messageOf } from './messages.ts'

export const name = 'alice@example.org'
export const password = 'a-password-for-the-load'

type Json = Readonly<Record<string, unknown>>

/** By type. */
export type States = ReadonlyMap<string, string>

export async function deliver({ smtpPort }: TestServer): Promise<void> {
  const smtp = await SmtpClient.open(smtpPort)
  const { code, text } = await smtp.deliver([name], messageOf('push'))
  smtp.close()
  assert.equal(code, 250, text)
}

export class PushUser {
  readonly #server: TestServer
  #isFlagged = false

  constructor(server: TestServer) {
    this.#server = server
  }

  /** Over IMAP, the first message becomes important or not. */
  async flag(): Promise<void> {
    const imap = await ImapClient.open(this.#server.imapPort, { user: name, password, tagPrefix: 'f' })
    await imap.command('SELECT INBOX')
    const { status, text } = await imap.command(
      `STORE 1 ${this.#isFlagged ? '-' : '+'}FLAGS.SILENT (\\Flagged)`,
    )
    imap.close()
    assert.equal(status, 'OK', text)
    this.#isFlagged = !this.#isFlagged
  }

  async createMailbox(path: string): Promise<void> {
    await this.call('Mailbox/set', { create: { m: { name: path, parentId: null } } })
  }

  /** Of all types, as an event source tells them that knows nothing (RFC 8620 §7.3). */
  async states(): Promise<States> {
    const response = await fetch(this.#url('/jmap/eventsource/?types=*&closeafter=state&ping=0'), {
      headers: { ...authorization, 'last-event-id': 'none' },
    })
    const text = await response.text()
    const data = /^data: (.*)$/m.exec(text)?.[1]
    const { changed } = JSON.parse(data!) as { changed: Record<string, Record<string, string>> }
    return new Map(Object.entries(Object.values(changed)[0]!))
  }

  async call(method: string, args: object): Promise<Json> {
    const accountId = method.startsWith('PushSubscription/') ? {} : { accountId: await this.#accountId() }
    const response = await fetch(this.#url('/jmap/'), {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/json' },
      body: JSON.stringify({
        using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail'],
        methodCalls: [[method, { ...accountId, ...args }, 'c']],
      }),
    })
    const { methodResponses } = (await response.json()) as { methodResponses: [string, Json, string][] }
    const [got, result] = methodResponses[0]!
    assert.equal(got, method, JSON.stringify(result))
    return result
  }

  async #accountId(): Promise<string> {
    const session = await (await fetch(this.#url('/jmap/session'), { headers: authorization })).json()
    const { primaryAccounts } = session as { primaryAccounts: Record<string, string> }
    return primaryAccounts['urn:ietf:params:jmap:mail']!
  }

  readonly #url = (path: string): string => `http://127.0.0.1:${this.#server.httpPort}${path}`
}

const authorization = { authorization: basicAuth(name, password) }
