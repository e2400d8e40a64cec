/** What the tests of this folder share: accounts in a memory store, and requests through the routes of the server. */
import assert from 'node:assert/strict'
import { userAccess } from '#account/fixture.test.ts'
import type { Access } from '#account/access.ts'
import type { AccessWatch } from '#account/access-watch.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import { noRate, type Rate } from '#base/rate.ts'
import { RequestRates } from '#http/request-rates.ts'
import { createRouter } from '#http/router.ts'
import { httpProtocol } from '#http/server.ts'
import { TypeStates } from '#kv/type-states.ts'
import type { Ingested } from '#mail/ingest.ts'
import { PartSizes } from '#mail/part-sizes.ts'
import type { PrincipalProfile } from '#mail/principal.ts'
import { foreignSubscriptionTable } from '#mail/tables.ts'
import { SmimeStatuses } from '#mail/smime-status.ts'
import type { SubmissionLimits } from '#mail/submission/prepare.ts'
import { resolveAmong, testLimits, testSubmitter } from '#mail/submission/test-submitter.ts'
import { AccountViews } from '#mail/view.ts'
import { Listener } from '#net/listener.ts'
import { SearchIndexes } from '#search/indexes.ts'
import type { Settings, SettingsObject } from '#settings/object.ts'
import { fallbacksOf } from '#settings/values.ts'
import {
  account,
  createdAt,
  type Delivered,
  MemoryAccounts,
  type Person,
} from '../../test/harness/memory-accounts.ts'
import { KeptContents } from './email/kept-contents.ts'
import { accountObjectId } from './accounts.ts'
import { addJmapRoutes } from './api.ts'
import { capabilities } from './capabilities.ts'
import { PrincipalHistory } from './principal-history.ts'
import { RequestProcessor } from './processor.ts'
import type { JmapServices } from './services.ts'
import { StateWatch } from './state-watch.ts'
import type { JsonObject } from './value.ts'
import { newJmapRunning } from './running.ts'
import { Vapid } from './vapid.ts'

/** Of the account, as clients know it. */
export const accountId = accountObjectId(account)

export type Answer = readonly [string, JsonObject, string]

const url = 'https://mail.example.org'

export class JmapTestServer extends MemoryAccounts {
  /** What failed below the routes. */
  readonly crashes: unknown[] = []
  /** Of those who are watched: says what they may do now; undefined: nothing any more. */
  permitsOtherSites = false
  /** None but where a test is about them: it asks more in a moment than anybody. */
  rateLimits: Partial<Record<'rateLimitAuthenticated' | 'rateLimitAnonymous', Rate>> = {}
  readonly accessChanges = new Set<(now: Access | undefined) => void>()
  readonly services: JmapServices
  readonly processor: RequestProcessor
  readonly router
  /** Trusted for S/MIME. */
  anchors: readonly Uint8Array[] = []
  submissionLimits: Partial<SubmissionLimits> = {}
  /** Whose an address at example.org is; all others are on other servers. */
  readonly addresses = new Map<string, AccountId>()
  /** What requests say they use, where nothing else is said. */
  readonly using = capabilities.filter((one) => one.session !== undefined).map(({ urn }) => urn)

  private constructor(overrides: Readonly<Record<string, unknown>>) {
    super()
    const { db, bus, blobs, telemetry } = this
    this.services = {
      db,
      blobs,
      partSizes: new PartSizes(),
      contents: new KeptContents(1 << 20),
      views: new AccountViews({ db, budgetBytes: 64 << 20 }),
      indexes: new SearchIndexes({ db, bus, blobs, telemetry, budgetBytes: 1 << 20 }),
      states: new TypeStates(),
      smime: new SmimeStatuses({ db, blobs, clock: this.clock, anchors: () => this.anchors }),
      principals: this.principals,
      principalHistory: new PrincipalHistory(),
      directory: { all: async () => this.people.map(profileOf) },
      pathPrefixOf: ({ name }) => `Other Users/${name}/`,
      limitsOf: async () => this.limits,
      submitter: testSubmitter({
        db,
        blobs,
        bus,
        telemetry,
        clock: this.clock,
        resolve: resolveAmong(this.addresses),
        limits: () => ({ ...testLimits, ...this.submissionLimits }),
        groupsOf: (id) => this.principals.groupsOf(id),
      }),
      settings: { get: (object) => ({ ...settingsWith(overrides).get(object), ...this.#http(object) }) },
      clock: this.clock,
      bus,
      vapid: new Vapid({ db, clock: this.clock, contact: () => 'mailto:postmaster@example.org' }),
      running: newJmapRunning(),
    }
    this.processor = new RequestProcessor({ services: this.services, capabilities, telemetry })
    this.router = createRouter({
      maxBodyBytes: () => Number.POSITIVE_INFINITY,
      onCrash: (error) => {
        throw error
      },
    })
    const rates = new RequestRates(this.services)
    addJmapRoutes(this.router, {
      rates,
      processor: this.processor,
      publicUrl: () => undefined,
      permitsOtherSites: () => this.permitsOtherSites,
      stateWatch: new StateWatch({ services: this.services, accountWatch: this.accountWatch }),
      accessWatch: this.accessWatch,
      telemetry,
      signIn: {
        password: (name, password, { ip }) =>
          rates.attempt(ip, async () => {
            const person = this.signingIn(name, password)
            return person === undefined ? 'wrong' : accessOf(person)
          }),
        apiKey: async () => 'wrong',
      },
    })
  }

  #http({ name }: { readonly name: string }): object {
    if (name !== 'Http') return {}
    return { rateLimitAuthenticated: noRate, rateLimitAnonymous: noRate, ...this.rateLimits }
  }

  readonly accessWatch: Pick<AccessWatch, 'watch'> = {
    watch: (_watched, changed) => {
      this.accessChanges.add(changed)
      return { [Symbol.dispose]: () => void this.accessChanges.delete(changed) }
    },
  }

  /** With one account that has its first mailboxes. `settings` are those of the object Jmap. */
  static async start(settings: Readonly<Record<string, unknown>> = {}): Promise<JmapTestServer> {
    const server = new JmapTestServer(settings)
    await server.provision()
    return server
  }

  /** What `share` does, for somebody who subscribed to the mailbox before, so that the account is in their session (RFC 9670 §1.4). */
  async shareFollowed(
    mailbox: MailboxId,
    grantee: AccountId,
    letters: string,
    owner = account,
  ): Promise<void> {
    await this.db.write([grantee], async (tx) =>
      tx.put(foreignSubscriptionTable, [grantee, owner, mailbox], `Other Users/${mailbox}`),
    )
    await this.share(mailbox, grantee, letters, owner)
  }

  /** A message comes into the Inbox of the first account, or as the options say. Line ends become CRLF. */
  async deliver(text: string, o: Delivered = {}): Promise<Ingested> {
    const bytes = Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'), 'utf8')
    return this.deliverBytes(bytes, { receivedAt: createdAt + 1000, savedAt: createdAt + 2000, ...o })
  }

  /** Whatever a client sends. */
  async fetch(path: string, init: RequestInit = {}, as = this.people[0]!.name): Promise<Response> {
    const request = new Request(url + path, {
      ...init,
      headers: { Authorization: basic(as), Host: 'mail.example.org', ...(init.headers as object) },
    })
    const client = { ip: '192.0.2.7', secure: true, isLocal: false }
    const draining = new AbortController().signal
    return this.router.fetch(request, { client, listener: 'https', incoming: {}, outgoing: {}, draining })
  }

  /** The same routes on a port of this machine. */
  async listen(): Promise<{ readonly port: number; readonly listener: Listener } & AsyncDisposable> {
    const fail = (error: unknown): void => void this.crashes.push(error)
    const listener = new Listener({
      name: 'web',
      bind: [{ host: '127.0.0.1', port: 0 }],
      protocol: httpProtocol(this.router, { onCrash: fail }),
      onTrouble: fail,
    })
    const [endpoint] = await listener.listen()
    const end = async (): Promise<void> => void (await listener.drain(0))
    return { port: endpoint!.port, listener, [Symbol.asyncDispose]: end }
  }

  /** A request with these calls. */
  async request(
    methodCalls: readonly (readonly [string, unknown, string])[],
    o: { readonly as?: string; readonly using?: readonly string[]; readonly more?: object } = {},
  ): Promise<{ readonly status: number; readonly body: JsonObject; readonly answers: readonly Answer[] }> {
    const response = await this.fetch(
      '/jmap/',
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ using: o.using ?? this.using, methodCalls, ...o.more }),
      },
      o.as,
    )
    const body = (await response.json()) as JsonObject
    return { status: response.status, body, answers: (body['methodResponses'] ?? []) as unknown as Answer[] }
  }

  /** One call in the own account, and its response, which must be of that name: "error" for an error. */
  async call(
    name: string,
    args: Readonly<Record<string, unknown>> = {},
    o: { readonly as?: string; readonly expect?: string } = {},
  ): Promise<JsonObject> {
    const { answers, body } = await this.request([[name, { accountId, ...args }, 'c']], o)
    assert.equal(answers.length, 1, JSON.stringify(body))
    const [got, result] = answers[0]!
    assert.equal(got, o.expect ?? name, JSON.stringify(result))
    return result
  }

  /** The type of the error that a call is answered with. */
  async error(name: string, args: Readonly<Record<string, unknown>> = {}, as?: string): Promise<string> {
    const result = await this.call(name, args, { expect: 'error', ...(as === undefined ? {} : { as }) })
    // RFC 8620 §3.6.2: for developers.
    assert.ok(result['description'], JSON.stringify(result))
    return result['type'] as string
  }
}

const profileOf = ({ id, name, isGroup, description = '' }: Person): PrincipalProfile => ({
  id,
  name,
  isGroup,
  email: name,
  description,
  timeZone: null,
})

export const basic = (name: string): string => `Basic ${Buffer.from(`${name}:secret`).toString('base64')}`

const accessOf = ({ id, name, permissions, groups }: Person): Access => {
  const access = { ...userAccess(id, name), groups }
  return permissions === undefined ? access : { ...access, permissions: new Set(permissions) }
}

const settingsWith = (values: Readonly<Record<string, unknown>>): Pick<Settings, 'get'> => ({
  get: <F>(object: SettingsObject<F>): F =>
    ({ ...fallbacksOf(object.fields), ...(object.name === 'Jmap' ? values : {}) }) as F,
})
