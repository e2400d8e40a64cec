/** What listeners tell. */
import { error, eventKind, text } from '#telemetry/event.ts'

export const connectionRefused = eventKind({
  name: 'net.connection-refused',
  level: 'info',
  help: 'A connection was turned away because there were too many, in all or from its address, or because only proxies may come.',
  fields: { listener: text, ip: text, why: text },
})

export const handshakeFailed = eventKind({
  name: 'net.handshake-failed',
  level: 'debug',
  help: 'A TLS handshake was not completed.',
  fields: { listener: text, ip: text, reason: text },
})

export const proxyHeaderFailed = eventKind({
  name: 'net.proxy-header-failed',
  level: 'warn',
  help: 'A connection from a trusted proxy did not begin with a PROXY header, which says whose it is.',
  fields: { listener: text, ip: text, reason: text },
})

export const acceptFailed = eventKind({
  name: 'net.accept-failed',
  level: 'error',
  help: 'A connection could not be accepted.',
  fields: { listener: text, reason: text },
})

export const sessionCrashed = eventKind({
  name: 'net.session-crashed',
  level: 'error',
  help: 'A session ended because of a programming error.',
  fields: { listener: text, ip: text, error },
})
