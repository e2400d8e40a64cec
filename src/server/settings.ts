/** Settings of the process as a whole. */
import { hostname } from 'node:os'
import { integer, oneOf, size, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

export const systemSettings = settingsObject({
  name: 'SystemSettings',
  title: 'General',
  help: 'The server as a whole.',
  many: false,
  fields: {
    defaultHostname: text({
      fallback: hostname(),
      help: 'The name of this server as others know it: in greetings, Received headers and certificates.',
      classic: 'server.hostname',
      restart: true,
    }),
    threadPoolSize: integer({
      fallback: 1,
      min: 1,
      max: 256,
      help: 'Threads that serve mail clients. One is enough for thousands of users; more use more cores.',
      classic: 'server.threads',
      restart: true,
    }),
  },
})

export const dataStore = settingsObject({
  name: 'DataStore',
  title: 'Storage',
  help: 'Where mail is kept. Only a new data directory asks: an existing one keeps the engine it was made with.',
  many: false,
  fields: {
    engine: oneOf(['lmdb', 'sqlite', 'rocksdb'], {
      fallback: 'lmdb',
      help: 'The engine for everything but message bodies. "rocksdb" is not there yet and means "lmdb".',
      classic: 'storage.data',
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
