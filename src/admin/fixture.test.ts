/** What the tests of this folder share: the router with an administrator, on a store in memory. */
import type { Hono } from 'hono'
import { ensureAdmin } from '#account/administrator.ts'
import { makeStore } from '#account/fixture.test.ts'
import type { Client } from '#http/client.ts'
import { LiveSettings } from '#registry/live.ts'
import { settingsObjects } from '#server/catalog.ts'
import { ConfiguredResolver } from '#dns/configured.ts'
import { stillQueue } from '#queue/fixture.test.ts'
import { mtaStsPolicy } from '#cert/settings.ts'
import { DkimKeys } from '#cert/dkim-keys.ts'
import { buildManagement } from '#server/web/management.ts'
import { pushKeyRotator } from '#server/web/push-key.ts'
import { authenticationTester } from '#server/diagnosis/troubleshoot-dmarc.ts'
import { hasDomain, zoneOf } from '#server/diagnosis/zone.ts'
import { RequestRates } from '#http/request-rates.ts'
import { createRouter, type HttpEnv } from '#http/router.ts'
import { addAdminRoutes, type AdminOptions, apiRoutes } from './api.ts'
import type { Finding } from './doctor.ts'
import type { Reloaded } from './server-routes.ts'
import type { ServerFacts } from './server-facts.ts'

export const here: Client = { ip: '127.0.0.1', secure: false, isLocal: true }
export const elsewhere: Client = { ip: '192.0.2.7', secure: false, isLocal: false }
export const elsewhereByTls: Client = { ip: '192.0.2.7', secure: true, isLocal: false }
export const adminToken = 'token-of-this-start'

export const facts: ServerFacts = {
  version: '0.1.0',
  hostName: 'mail.example.org',
  startedAtMs: 1_700_000_000_000,
  selfSigned: true,
  listeners: [
    { service: 'smtp', ip: '0.0.0.0', port: 25, security: 'starttls' },
    { service: 'submission', ip: '0.0.0.0', port: 587, security: 'starttls' },
    { service: 'submission', ip: '0.0.0.0', port: 465, security: 'tls' },
    { service: 'imap', ip: '0.0.0.0', port: 143, security: 'starttls' },
    { service: 'imap', ip: '0.0.0.0', port: 993, security: 'tls' },
    { service: 'http', ip: '0.0.0.0', port: 8080, security: 'none' },
  ],
}

/** `config`: settings, such as whom look-ups ask. */
export async function makeApi(o: { facts?: ServerFacts; config?: string } = {}) {
  const store = makeStore()
  const password = (await ensureAdmin(store))!
  const crashes: unknown[] = []
  const router: Hono<HttpEnv> = createRouter({
    maxBodyBytes: () => 1024 * 1024,
    onCrash: (error) => void crashes.push(error),
  })
  const state: {
    notReady: string | undefined
    reload: Reloaded
    probe: (signal: AbortSignal) => Promise<boolean>
    findings: readonly Finding[]
  } = {
    probe: async () => true,
    findings: [],
    notReady: undefined,
    reload: { errors: [], changed: [], warnings: [], restart: [] },
  }
  const recounted: unknown[] = []
  const reindexed: unknown[] = []
  const settings = new LiveSettings(settingsObjects)
  settings.loadText(o.config ?? '', 'test.toml')
  const { queue, state: queueState } = stillQueue()
  const dns = new ConfiguredResolver({ ...store, settings })
  const dkimKeys = new DkimKeys({ ...store, resolver: dns })
  const served = o.facts ?? facts
  const options: AdminOptions = {
    dns,
    zoneOf: zoneOf({
      ...store,
      resolver: dns,
      settings,
      hostname: () => served.hostName,
      listeners: () => served.listeners,
      certificates: () => undefined,
    }),
    hasDomain: hasDomain(store.db),
    mtaSts: () => mtaStsPolicy(settings, served.hostName),
    rotateDkim: (domain, rotation) => dkimKeys.rotate(domain, rotation),
    rotatePushKey: pushKeyRotator(store),
    signIn: store.signIn,
    rates: new RequestRates({ settings, clock: store.clock }),
    accounts: store.accounts,
    management: buildManagement({ ...store, settings, queue }),
    settingsObjects,
    adminToken,
    queue,
    examine: async () => state.findings,
    tryDelivery: async ({ to }, { tell, signal }) => {
      tell({ step: 'route', result: 'ok', said: `${to} goes by MX` })
      const isTaken = await state.probe(signal)
      if (isTaken) tell({ step: 'RCPT', result: 'ok', said: '250 ok' })
      else tell({ step: 'RCPT', result: 'problem', said: '550 no such user', advice: 'Ask for the address.' })
      return isTaken
    },
    testAuthentication: authenticationTester({
      settings,
      resolver: dns,
      clock: store.clock,
      hostname: () => served.hostName,
    }),
    recount: async (account) => void recounted.push(account),
    searchIndexes: {
      status: async () => ({ accounts: 1, behind: 0, messages: 0, waiting: 0, segments: 0, sizeBytes: 0 }),
      reindex: async (account) => reindexed.push(account),
    },
    reload: async () => state.reload,
    facts: () => served,
    metrics: async () => ({ text: 'auth_failures_total 0\n', contentType: 'text/plain; version=0.0.4' }),
    notReady: async () => state.notReady,
  }
  addAdminRoutes(router, options)
  const basic = (user: string, secret: string): string =>
    `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
  const asAdmin = basic('admin', password)
  const ask = async (
    path: string,
    init: { method?: string; headers?: Record<string, string>; body?: string | Buffer; client?: Client } = {},
  ): Promise<Response> => {
    const { client = here, headers, ...rest } = init
    const json = { 'content-type': 'application/json', ...headers }
    return router.request(
      path,
      { ...rest, headers: json },
      { client, listener: 'http', incoming: { destroyed: false } },
    )
  }
  /** As the administrator, with a JSON body. */
  const call = async (
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: never }> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const init = { method, headers: { authorization: asAdmin } }
    const response = await ask(path, body === undefined ? init : { ...init, body: text })
    return { status: response.status, body: (await response.json()) as never }
  }
  /** Every row that is stored, to see whether anything changed. */
  const dump = async (): Promise<readonly string[]> => {
    const snapshot = store.engine.snapshot()
    const all = { from: Buffer.alloc(0), to: Buffer.alloc(8, 255), limit: Infinity }
    const rows = await snapshot.range(all)
    snapshot.close()
    return rows.map(
      ([key, value]) => `${Buffer.from(key).toString('hex')} ${Buffer.from(value).toString('latin1')}`,
    )
  }
  return {
    ...store,
    routes: apiRoutes(options),
    management: options.management,
    dkimKeys,
    dump,
    recounted,
    reindexed,
    router,
    password,
    crashes,
    state,
    queueState,
    basic,
    asAdmin,
    ask,
    call,
  }
}
