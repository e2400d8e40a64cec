/** Limits of JMAP. */
import { boolean, duration, integer, size, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

export const jmapSettings = settingsObject({
  name: 'Jmap',
  title: 'JMAP',
  help: 'Limits of requests, uploads and notifications over JMAP.',
  many: false,
  fields: {
    changesMaxResults: integer({
      fallback: 5000,
      min: 1,
      max: 100_000,
      help: 'Of how many objects one answer to /changes tells.',
    }),
    eventSourceThrottle: duration({
      fallback: 1000,
      max: 3_600_000,
      help: 'The least time between two notifications over one event source.',
    }),
    getMaxResults: integer({
      fallback: 500,
      min: 1,
      max: 10_000,
      help: 'How many objects one /get may ask for (maxObjectsInGet).',
    }),
    maxConcurrentUploads: integer({
      fallback: 4,
      min: 1,
      max: 1000,
      help: 'How many uploads of one account may go on at once (maxConcurrentUpload).',
    }),
    maxConcurrentRequests: integer({
      fallback: 4,
      min: 1,
      max: 1000,
      help: 'How many requests of one account are worked on at once.',
    }),
    maxMethodCalls: integer({
      fallback: 16,
      min: 1,
      max: 1000,
      help: 'How many method calls one request may have (maxCallsInRequest).',
    }),
    maxPushSize: size({
      fallback: 4096,
      min: 512,
      max: 65_536,
      help: 'The largest body of a push message. Push services take 4096 bytes at least, and often no more.',
    }),
    maxRequestSize: size({
      fallback: 10_000_000,
      min: 1024,
      max: 100_000_000,
      help: 'The largest request (maxSizeRequest).',
    }),
    maxUploadCount: integer({
      fallback: 1000,
      min: 1,
      max: 100_000,
      help: 'How many files that are not used yet are kept of one user in one account. The oldest go first.',
    }),
    maxSubscriptions: integer({
      fallback: 15,
      min: 1,
      max: 1000,
      help: 'How many push subscriptions an account may have.',
    }),
    maxUploadSize: size({
      fallback: 50_000_000,
      min: 1024,
      max: 1_000_000_000,
      help: 'The largest file that can be uploaded (maxSizeUpload).',
    }),
    pushAttemptWait: duration({
      fallback: 60_000,
      min: 1000,
      max: 86_400_000,
      help: 'How long a push subscription is left alone when all attempts to send it a message have failed.',
    }),
    pushMaxAttempts: integer({
      fallback: 3,
      min: 1,
      max: 100,
      help: 'How often one push message is tried.',
    }),
    pushPrivateNetworks: boolean({
      fallback: false,
      help: 'Whether push subscriptions may name hosts of private networks. Then users can make the server send requests to hosts that only it reaches.',
    }),
    pushRequestTimeout: duration({
      fallback: 10_000,
      min: 100,
      max: 300_000,
      help: 'How long one attempt to send a push message may take.',
    }),
    pushRetryWait: duration({
      fallback: 1000,
      min: 10,
      max: 3_600_000,
      help: 'The wait between the first two attempts to send a push message, doubled after each.',
    }),
    pushThrottle: duration({
      fallback: 1000,
      max: 3_600_000,
      help: 'The least time between two messages to one push subscription.',
    }),
    pushVerifyTimeout: duration({
      fallback: 60_000,
      min: 1000,
      max: 86_400_000,
      help: 'The least time between two messages that ask to verify a push subscription with the same URL.',
    }),
    smimeTrustAnchors: text({
      fallback: undefined,
      longest: 1_000_000,
      allowed: 'certificates in PEM, one after the other',
      normalise: (pem) =>
        /^-----BEGIN CERTIFICATE-----\n[\s\S]*-----END CERTIFICATE-----$/.test(pem.trim())
          ? pem.trim()
          : undefined,
      help: 'The authorities whose certificates are trusted for signed mail (S/MIME), in place of those that the system trusts.',
    }),
    parseLimitEmail: integer({
      fallback: 10,
      min: 1,
      max: 1000,
      help: 'How many files one request may ask to be read as messages.',
    }),
    queryMaxResults: integer({
      fallback: 5000,
      min: 1,
      max: 1_000_000,
      help: 'How many ids one answer to /query has.',
    }),
    setMaxObjects: integer({
      fallback: 500,
      min: 1,
      max: 10_000,
      help: 'How many objects one /set may create, update and destroy (maxObjectsInSet).',
    }),
    uploadQuota: size({
      fallback: 50_000_000,
      min: 1,
      max: 100_000_000_000,
      help: 'How much in files that are not used yet is kept of one user in one account. The oldest go first.',
    }),
    uploadTtl: duration({
      fallback: 3_600_000,
      min: 1000,
      help: 'How long a file is kept for use after its upload; within a minute after that it goes. Standards ask for an hour.',
    }),
    webPushContact: text({
      fallback: undefined,
      longest: 500,
      allowed: 'a "mailto:" or "https:" URI',
      normalise: (given) => (/^(?:mailto:[^@\s]+@|https:\/\/)[^@\s]+$/i.test(given) ? given : undefined),
      help: 'Where operators of push services find whoever runs this server: a "mailto:" or "https:" URI.',
    }),
    websocketCompression: boolean({
      fallback: false,
      help: 'Whether clients may compress what is sent over a WebSocket. Browsers all do then. Costs the server time, and some 120 kB of memory for each such connection.',
    }),
    websocketHeartbeat: duration({
      fallback: 60_000,
      min: 100,
      max: 3_600_000,
      help: 'How often a WebSocket is asked for a sign of life.',
    }),
    websocketThrottle: duration({
      fallback: 1000,
      max: 3_600_000,
      help: 'The least time between two notifications over one WebSocket.',
    }),
    websocketTimeout: duration({
      fallback: 600_000,
      min: 100,
      max: 86_400_000,
      help: 'After how long without a sign of life of its client a WebSocket is closed.',
    }),
  },
})
