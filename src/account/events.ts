/**
 * What accounts and sign-in tell. `auth.failed` is what fail2ban and its like look for: the peer's address is
 * always the first field, `ip`, before anything that the peer may choose. Passwords are never fields; a name
 * is shown as it was given, cut to a sane length.
 */
import { eventKind, maybe, number, text } from '#telemetry/event.ts'

export const authSuccess = eventKind({
  name: 'auth.success',
  level: 'info',
  help: 'Somebody signed in.',
  fields: { ip: text, protocol: text, name: text, account: number },
})

export const authFailed = eventKind({
  name: 'auth.failed',
  level: 'warn',
  help: 'A sign-in was refused.',
  fields: { ip: text, protocol: text, name: text, reason: maybe(text) },
  count: 'auth_failures_total',
})

export const domainCreated = eventKind({
  name: 'account.domain-created',
  level: 'info',
  help: 'A domain was created.',
  fields: { domain: text },
})

export const accountCreated = eventKind({
  name: 'account.created',
  level: 'info',
  help: 'An account was created.',
  fields: { account: number, name: text },
})

export const passwordChanged = eventKind({
  name: 'account.password-changed',
  level: 'info',
  help: 'The password of an account was set.',
  fields: { account: number, name: text },
})
