/**
 * Builds what one worker needs, with plain constructor arguments, and the protocols that it serves. A worker
 * assumes nothing about others: what they change, it learns from the change log and the bus.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { readAccess } from '#account/access.ts'
import { AccessWatch } from '#account/access-watch.ts'
import { Accounts } from '#account/account.ts'
import { PasswordPolicy } from '#account/password-policy.ts'
import { HashPool } from '#account/hash-pool.ts'
import { SaslMechanisms } from '#account/sasl/mechanisms.ts'
import { AccountLimits, type UsedBytes } from '#account/limits.ts'
import { RememberedSignIns } from '#account/remembered-sign-ins.ts'
import { SignIn } from '#account/sign-in.ts'
import { steadyClock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import { DkimKeys } from '#cert/dkim-keys.ts'
import { SigningKeys } from '#cert/signing-keys.ts'
import { ConfiguredResolver } from '#dns/configured.ts'
import type { WriteTx } from '#kv/tx.ts'
import { addresses } from '#dns/look-up.ts'
import { DocumentFetcher } from '#http/fetch-document.ts'
import { RequestRates } from '#http/request-rates.ts'
import type { Reach } from '#http/stranger-host.ts'
import { AccountWatch } from '#account/account-watch.ts'
import { namespaceNames, prefixOf } from '#imap/namespace/namespaces.ts'
import { UserSessions } from '#imap/user-sessions.ts'
import { ImapProtocol } from '#imap/protocol.ts'
import type { ImapServices } from '#imap/services.ts'
import type { JmapOptions } from '#jmap/api.ts'
import { capabilities } from '#jmap/capabilities.ts'
import { managementCapability, managementElsewhere } from '#jmap/capabilities/management.ts'
import type { ManagedElsewhere } from '#jmap/managed.ts'
import { PrincipalHistory } from '#jmap/principal-history.ts'
import { RequestProcessor } from '#jmap/processor.ts'
import type { JmapServices } from '#jmap/services.ts'
import { jmapSettings } from '#jmap/settings.ts'
import { StateWatch } from '#jmap/state-watch.ts'
import { Vapid } from '#jmap/vapid.ts'
import { KeptContents } from '#jmap/email/kept-contents.ts'
import { TypeStates } from '#kv/type-states.ts'
import { PartSizes } from '#mail/part-sizes.ts'
import { ColumnsKeeper } from '#mail/columns-keeper.ts'
import { type MailLimits, noLimits } from '#mail/limits.ts'
import { SmimeStatuses } from '#mail/smime-status.ts'
import { provisionAccount, quotaUsage } from '#mail/mailbox.ts'
import { AccountViews } from '#mail/view.ts'
import type { Protocol } from '#net/protocol.ts'
import { QueueIds } from '#queue/enqueue.ts'
import type { Management } from '#registry/management.ts'
import { IncomingReports } from '#report/incoming.ts'
import { SearchIndexes } from '#search/indexes.ts'
import { searchSettings } from '#search/settings.ts'
import type { Settings } from '#settings/object.ts'
import { Acceptor } from '#smtp/server/accept.ts'
import { Outlet } from '#smtp/server/outlet.ts'
import { SmtpProtocol } from '#smtp/server/protocol.ts'
import type { SmtpDeps } from '#smtp/server/smtp-command.ts'
import { readLimits } from '#smtp/settings.ts'
import { countedSignIn } from './services/counted-sign-in.ts'
import type { OpenService } from './listeners/listener-plans.ts'
import { columnsNotKept, storageTrouble, storageUnreadable } from './events.ts'
import { cache, dataStore, systemSettings } from './settings.ts'
import { smimeAnchors } from './services/smime-anchors.ts'
import { jmapUrl } from './services/jmap-url.ts'
import { limitSetter } from './services/limit-setter.ts'
import { AccountDirectory } from './services/account-directory.ts'
import { principalsFrom } from './services/principals.ts'
import { buildReports } from './services/report-services.ts'
import { buildSubmitter } from './services/submitter.ts'
import { openStore, type Store } from './store/store.ts'
import { troubleTeller } from './store/trouble-teller.ts'
import { version } from './version.ts'
import type { Services, WorkerOptions } from './services/services.ts'

/** Of other domains, a few KiB each at most. */
const knownDkimKeys = 2000

const usedBytes: UsedBytes = async (tx, account) => (await quotaUsage(tx, account)).usedBytes

function storeOf(o: WorkerOptions): Store {
  const reading = troubleTeller((trouble) => o.telemetry.emit(storageUnreadable, { trouble }))
  const writing = troubleTeller((trouble) => o.telemetry.emit(storageTrouble, { trouble }))
  return openStore({
    ...o,
    codec: o.settings.get(dataStore).compression,
    onTrouble: (doing, trouble) => (doing === 'reading' ? reading : writing)(trouble),
  })
}

/** Throws where the store cannot be opened. */
export function buildServices(o: WorkerOptions): Services {
  const { bus, settings, telemetry, clock, processLimits } = o
  const { wrongCodes, requests: limiters } = processLimits
  const store = storeOf(o)
  const { db } = store
  const hasher = new HashPool({ spawn: (role) => o.spawn({ role }) })
  const provision = (tx: WriteTx, account: AccountId) => provisionAccount(tx, account, clock.now())
  const accessWatch = new AccessWatch({ db, bus, clock })
  const accountWatch = new AccountWatch(bus)
  const limits = new AccountLimits({ db, bus, clock: steadyClock, usedBytes })
  const passwords = new PasswordPolicy({ settings, passwords: hasher })
  const accounts = new Accounts({ db, bus, passwords, telemetry, provision, clock })
  const signIn = new SignIn({ db, passwords: hasher, settings, telemetry, clock, wrongCodes })
  const keeper = new ColumnsKeeper(db, (error) =>
    telemetry.emit(columnsNotKept, { reason: error instanceof Error ? error.message : String(error) }),
  )
  const rates = new RequestRates({ settings, clock: steadyClock, limiters })
  const mailSignIn = countedSignIn(signIn, rates)
  // What is remembered costs an address nothing.
  const rememberedSignIns = new RememberedSignIns({ signIn: mailSignIn, accessWatch, clock: steadyClock })
  const views = new AccountViews({ db, budgetBytes: settings.get(cache).messages, keeper })
  const { memory: budgetBytes } = settings.get(searchSettings)
  const indexes = new SearchIndexes({ ...store, bus, telemetry, budgetBytes })
  const dns = new ConfiguredResolver({ ...o, clock: steadyClock })
  const signingKeys = new SigningKeys({ db, bus, clock: steadyClock, telemetry, settings })
  const dkimKeys = new DkimKeys({ db, bus, clock, telemetry, resolver: dns })
  const reports = buildReports({ ...o, store, accounts, resolver: dns, signingKeys })
  return {
    store,
    hasher,
    passwords,
    accounts,
    signIn,
    mailSignIn,
    rates,
    rememberedSignIns,
    accessWatch,
    accountWatch,
    limits,
    views,
    indexes,
    dns,
    signingKeys,
    dkimKeys,
    reports,
    async [Symbol.asyncDispose]() {
      await reports[Symbol.asyncDispose]()
      signingKeys[Symbol.dispose]()
      dns[Symbol.dispose]()
      rememberedSignIns[Symbol.dispose]()
      accessWatch[Symbol.dispose]()
      accountWatch[Symbol.dispose]()
      limits[Symbol.dispose]()
      accounts[Symbol.dispose]()
      await signIn.settled()
      await hasher[Symbol.asyncDispose]()
      await keeper[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

export type MailProtocols = Readonly<Record<Exclude<OpenService, 'http'>, Protocol>> & Disposable

export function buildProtocols(o: WorkerOptions, services: Services): MailProtocols {
  const smtp = smtpDeps(o, services)
  const stack = new DisposableStack()
  const userSessions = stack.use(new UserSessions(o.bus, o.processLimits.imapSessions))
  return {
    smtp: stack.use(new SmtpProtocol('smtp', smtp)),
    submission: stack.use(new SmtpProtocol('submission', smtp)),
    lmtp: stack.use(new SmtpProtocol('lmtp', smtp)),
    imap: stack.use(new ImapProtocol(imapServices(o, services, userSessions))),
    [Symbol.dispose]: () => stack.dispose(),
  }
}

/** JMAP, which comes over HTTP. The main worker has the management. */
export function buildJmap(
  o: WorkerOptions,
  all: Services,
  managed: { readonly here: Management } | { readonly elsewhere: ManagedElsewhere },
): Omit<JmapOptions, 'publicUrl' | 'permitsOtherSites'> {
  const { bus, settings, telemetry, clock } = o
  const { store, views, indexes, accounts, limits, rates, rememberedSignIns, accessWatch, accountWatch } = all
  const services: JmapServices = {
    db: store.db,
    blobs: store.blobs,
    views,
    indexes,
    states: new TypeStates(),
    smime: new SmimeStatuses({ ...store, clock, anchors: smimeAnchors(settings) }),
    partSizes: new PartSizes(),
    contents: new KeptContents(settings.get(cache).emails),
    principals: principalsFrom(store.db, accounts),
    directory: new AccountDirectory({ accounts, bus, clock: steadyClock }),
    principalHistory: new PrincipalHistory(),
    pathPrefixOf: (owner) => prefixOf(owner, namespaceNames(settings)),
    limitsOf: limitsFrom(accounts, limits),
    submitter: buildSubmitter(o, all),
    settings,
    clock,
    bus,
    vapid: new Vapid({ db: store.db, clock, contact: () => pushContact(settings) }),
    running: o.processLimits.jmap,
  }
  const management =
    'here' in managed ? managementCapability(managed.here) : managementElsewhere(managed.elsewhere)
  const known = [...capabilities, management]
  return {
    processor: new RequestProcessor({ services, capabilities: known, telemetry, ...managed }),
    signIn: rememberedSignIns,
    rates,
    accessWatch,
    telemetry,
    stateWatch: new StateWatch({ services, accountWatch }),
  }
}

/** Where operators of push services find us. */
const pushContact = (settings: Settings): string =>
  settings.get(jmapSettings).webPushContact ??
  `mailto:postmaster@${settings.get(systemSettings).defaultHostname}`

/** What an account may hold; one that is gone may hold anything, since nothing can come. */
const limitsFrom =
  (accounts: Accounts, limits: AccountLimits) =>
  async (id: AccountId): Promise<MailLimits> => {
    const account = await accounts.get(id)
    return account === undefined ? noLimits : limits.of(account)
  }

/** All addresses of a host, none where it has none or the DNS does not answer. */
export const addressesFrom =
  (dns: Services['dns']): Reach['addressesOf'] =>
  async (host, o) => {
    const found = await addresses(dns, host, o)
    return found.kind === 'answer' ? found.records.map(({ ip }) => ip) : []
  }

function smtpDeps({ bus, settings, telemetry, clock }: WorkerOptions, services: Services): SmtpDeps {
  const { accounts, mailSignIn, accessWatch, limits, dns, signingKeys, reports } = services
  const { db, blobs } = services.store
  const documents = new DocumentFetcher({
    clock: steadyClock,
    addressesOf: addressesFrom(dns),
  })
  const sessionPrefix = randomBytes(5).toString('hex')
  let sessions = 0
  return {
    hostname: () => settings.get(systemSettings).defaultHostname,
    defaultDomain: async () => (await accounts.listDomains())[0]?.name,
    limits: () => readLimits(settings),
    telemetry,
    clock,
    resolve: (address) => accounts.resolve(address),
    expand: (list) => accounts.expand(list),
    signIn: mailSignIn,
    accessWatch,
    mechanisms: new SaslMechanisms(settings),
    resolver: dns,
    knownKeys: new Lru(knownDkimKeys),
    fetchDocument: (address, how) => documents.fetch(address, how),
    keysOf: (domain) => signingKeys.keysOf(domain),
    reports,
    incomingReports: new IncomingReports(settings),
    blobs,
    acceptor: new Acceptor(
      db,
      (account) => limits.of(account),
      new Outlet({ ids: new QueueIds(), bus, settings, telemetry }),
    ),
    // An aborted pause is over as well: the session looks at its connection itself.
    pause: (ms, signal) => wait(ms, undefined, { signal }).catch(() => undefined),
    newSessionId: () => `${sessionPrefix}${(++sessions).toString(36)}`,
  }
}

function imapServices(
  { settings, telemetry, clock }: WorkerOptions,
  { store, views, indexes, mailSignIn, accounts, accessWatch, accountWatch, limits }: Services,
  userSessions: UserSessions,
): ImapServices {
  return {
    db: store.db,
    blobs: store.blobs,
    views,
    indexes,
    signIn: mailSignIn,
    mechanisms: new SaslMechanisms(settings),
    limitsOf: limitsFrom(accounts, limits),
    setLimits: limitSetter({ db: store.db, clock, telemetry, accounts, usedBytes }),
    jmapUrl: () => jmapUrl(settings),
    principals: principalsFrom(store.db, accounts),
    accessOf: (id) => store.db.read((tx) => readAccess(tx, id)),
    watch: accountWatch,
    userSessions,
    accessWatch,
    settings,
    telemetry,
    clock,
    version,
  }
}
