/** Limits of JMAP. */
import { duration, integer, size } from '#settings/field.ts'
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
    maxUploadSize: size({
      fallback: 50_000_000,
      min: 1024,
      max: 1_000_000_000,
      help: 'The largest file that can be uploaded (maxSizeUpload).',
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
      help: 'How long a file that is not used is kept at least. Standards ask for an hour.',
    }),
  },
})
