/** Settings of the process as a whole. */
import { looksLikeHash, whatIsWrong } from '#account/verifiers/stored-hash.ts'
import { hostname } from 'node:os'
import { normaliseDomain } from '#base/domain-name.ts'
import { duration, integer, ipNetwork, list, oneOf, secret, size, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

export const systemSettings = settingsObject({
  name: 'SystemSettings',
  title: 'General',
  help: 'The server as a whole.',
  many: false,
  fields: {
    defaultHostname: text({
      fallback: normaliseDomain(hostname()) ?? 'localhost',
      help: 'The name of this server as others know it: in greetings, Received headers and certificates.',
      classic: 'server.hostname',
      restart: true,
      allowed: 'a host name such as "mail.example.org"',
      normalise: normaliseDomain,
    }),
    defaultCertificateId: text({
      fallback: undefined,
      help: 'The certificate for clients that ask for no name, or for one of no certificate; else the first.',
    }),
    proxyTrustedNetworks: list(ipNetwork({ fallback: undefined, help: '' }), {
      fallback: [],
      help: 'Proxies in front of this server. They say whose connection it is: by a PROXY header, in HTTP also by X-Forwarded-For.',
      classic: 'server.proxy.trusted-networks',
    }),
    threadPoolSize: integer({
      fallback: 1,
      min: 1,
      max: 256,
      help: 'Threads that serve mail clients, web clients and other servers. One is enough for thousands of users; more use more cores.',
      classic: 'server.threads',
      restart: true,
    }),
  },
})

const engines = ['lmdb', 'sqlite', 'rocksdb'] as const
const storeKinds = ['default', ...engines] as const

export const dataStore = settingsObject({
  name: 'DataStore',
  title: 'Storage',
  help: 'Where mail is kept. Only a new data directory asks: an existing one keeps the engine it was made with.',
  many: false,
  early: true,
  fields: {
    engine: oneOf(engines, {
      fallback: 'lmdb',
      help: 'The engine for everything but message bodies. "rocksdb" is not there yet and means "lmdb".',
      classic: 'storage.data',
      restart: true,
    }),
    blob: oneOf(storeKinds, {
      fallback: 'default',
      help: 'Where message bodies are kept: always in files of the data directory.',
      classic: 'storage.blob',
      restart: true,
    }),
    lookup: oneOf(storeKinds, {
      fallback: 'default',
      help: 'Where short-lived facts are kept: always in the engine.',
      classic: 'storage.lookup',
      restart: true,
    }),
    search: oneOf(storeKinds, {
      fallback: 'default',
      help: 'Where the search index is kept: always in the engine.',
      classic: 'storage.fts',
      restart: true,
    }),
    compression: oneOf(['none', 'zstd'], {
      fallback: 'none',
      help: 'Whether message bodies are stored compressed: less disk, more processor.',
      classic: 'storage.compression',
      restart: true,
    }),
    reserve: size({
      fallback: 256 << 20,
      help: 'Free disk space below which no new mail is accepted, so that deleting still works.',
      restart: true,
    }),
  },
})

export const cache = settingsObject({
  name: 'Cache',
  title: 'Memory',
  help: 'What is kept in memory to answer quickly.',
  many: false,
  fields: {
    messages: size({
      fallback: 64 << 20,
      min: 1 << 20,
      help: 'Memory for the message lists of mailboxes in use, per worker.',
      classic: 'cache.message.size',
      restart: true,
    }),
    emails: size({
      fallback: 16 << 20,
      help: 'Memory for what JMAP clients were told of messages, for the next who asks the same, per worker.',
      restart: true,
    }),
  },
})

export const fallbackAdmin = settingsObject({
  name: 'FallbackAdmin',
  title: 'Administrator in the configuration',
  help: 'An administrator besides the one whose password the server made up at its first start.',
  many: false,
  fields: {
    user: text({
      fallback: 'admin',
      help: 'The name to sign in with.',
      classic: 'authentication.fallback-admin.user',
    }),
    secret: secret({
      fallback: undefined,
      help: 'The password, or its hash in any known form. Without it there is no such administrator.',
      classic: 'authentication.fallback-admin.secret',
    }),
  },
  check({ secret }) {
    const text = secret?.reveal() ?? ''
    const wrong = looksLikeHash(text) ? whatIsWrong(text) : undefined
    return wrong === undefined ? [] : [{ field: 'secret', text: `looks like a hash, and ${wrong}` }]
  },
})

const enterprise = settingsObject({
  name: 'Enterprise',
  title: 'Licence',
  help: 'A licence for features beyond those of this release.',
  many: false,
  notYet: 'licences are not there yet: this is kept and has no effect. Nothing in this release needs one.',
  fields: {
    licenseKey: secret({ fallback: undefined, classic: 'enterprise.license-key', help: 'The licence.' }),
    apiKey: secret({
      fallback: undefined,
      classic: 'enterprise.api-key',
      help: 'The key with which a licence is renewed by itself.',
    }),
  },
})

export const dataRetention = settingsObject({
  name: 'DataRetention',
  title: 'Data retention',
  help: 'How long the server keeps what it does not need for ever.',
  many: false,
  fields: {
    maxChangesHistory: integer({
      fallback: 10_000,
      min: 100,
      help: 'Changes of each account that clients can ask for. One that was away for longer reads everything anew.',
    }),
    holdAuditFor: duration({
      fallback: 730 * 86_400_000,
      min: 86_400_000,
      help: 'How long the audit log keeps who changed what.',
    }),
    holdMtaReportsFor: duration({
      fallback: 30 * 86_400_000,
      min: 86_400_000,
      classic: 'report.analysis.store',
      help: 'How long reports of other servers are kept.',
    }),
  },
})

export const serverSettings = [
  systemSettings,
  dataStore,
  dataRetention,
  cache,
  fallbackAdmin,
  enterprise,
] as const
