/**
 * What accounts and sign-in tell. `auth.failed` is what fail2ban and its like look for: the peer's address is
 * always the first field, `ip`, before anything that the peer may choose. Passwords are never fields, nor is
 * anything made of them; a name is shown as it was given, cut to a sane length.
 */
import { error, eventKind, flag, maybe, number, text } from '#telemetry/event.ts'

export const authSuccess = eventKind({
  name: 'auth.success',
  level: 'info',
  help: 'Somebody signed in.',
  fields: { ip: text, protocol: text, name: text, account: number, credential: maybe(text) },
})

export const authImpersonated = eventKind({
  name: 'auth.impersonated',
  level: 'warn',
  help: 'Somebody signed in to the account of another, as the permission to impersonate allows.',
  fields: { ip: text, protocol: text, name: text, account: number, by: text },
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

export const credentialCreated = eventKind({
  name: 'account.credential-created',
  level: 'info',
  help: 'An app password or an API key was created.',
  fields: { account: number, credential: text, kind: text },
})

export const credentialDestroyed = eventKind({
  name: 'account.credential-destroyed',
  level: 'info',
  help: 'An app password or an API key was deleted.',
  fields: { account: number, credential: text, kind: text },
})

export const secondFactorChanged = eventKind({
  name: 'account.second-factor-changed',
  level: 'info',
  help: 'The second factor of an account was switched on or off.',
  fields: { account: number, isOn: flag },
})

export const passwordRenewed = eventKind({
  name: 'account.password-renewed',
  level: 'debug',
  help: 'A password was hashed anew at a sign-in, as new passwords are.',
  fields: { account: number },
})

export const passwordRenewalFailed = eventKind({
  name: 'account.password-renewal-failed',
  level: 'error',
  help: 'A password could not be hashed anew; its old hash stays.',
  fields: { account: number, error },
})

export const lastUseFailed = eventKind({
  name: 'account.last-use-failed',
  level: 'error',
  help: 'When a credential was last used could not be stored.',
  fields: { account: number, error },
})
