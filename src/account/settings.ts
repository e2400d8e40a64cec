/** What administrators may set about passwords and sign-in. Classic keys of passwords do not exist. */
import { boolean, duration, integer, oneOf } from '#settings/field.ts'
import { type Settings, settingsObject } from '#settings/object.ts'
import { hashAlgorithms, type WantedVerifiers } from './hash-work.ts'

/** What the estimator's scores are called; the position is the score. */
export const strengths = ['zero', 'one', 'two', 'three', 'four'] as const

export const authentication = settingsObject({
  name: 'Authentication',
  title: 'Passwords and sign-in',
  help: 'What passwords must be like, how they are kept, and which other ways there are to sign in.',
  many: false,
  fields: {
    passwordMinLength: integer({
      fallback: 8,
      min: 1,
      max: 100,
      help: 'Characters that a new password must have at least.',
    }),
    passwordMaxLength: integer({
      fallback: 128,
      min: 1,
      max: 1000,
      help: 'Characters that a new password may have at most.',
    }),
    passwordMinStrength: oneOf(strengths, {
      fallback: 'three',
      help: 'How hard a new password must be to guess: "zero" for any, "three" for safe from most, "four" for very hard.',
    }),
    passwordDefaultExpiry: duration({
      fallback: undefined,
      min: 86_400_000,
      help: 'How long a password lasts that somebody sets. Without it, for ever.',
    }),
    passwordHashAlgorithm: oneOf(hashAlgorithms, {
      fallback: 'argon2id',
      help: 'How new passwords are kept. Others are kept so too, at the first sign-in with them.',
    }),
    scramKeys: boolean({
      fallback: false,
      help: 'Whether SCRAM-SHA-256 is offered, with keys of its own that are kept beside the hash of a password. A stolen store is then easier to guess passwords from.',
    }),
    certificateSignIn: boolean({
      fallback: false,
      help: 'Whether a client certificate with an e-mail address of an account signs in to it, at listeners that ask for one (EXTERNAL).',
    }),
    maxAppPasswords: integer({
      fallback: 5,
      min: 1,
      max: 1000,
      help: 'App passwords that an account may have.',
    }),
    maxApiKeys: integer({ fallback: 5, min: 1, max: 1000, help: 'API keys that an account may have.' }),
  },
})

export function wantedVerifiers(settings: Pick<Settings, 'get'>): WantedVerifiers {
  const { passwordHashAlgorithm: algorithm, scramKeys } = settings.get(authentication)
  return { algorithm, scramKeys }
}
