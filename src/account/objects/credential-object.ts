/** App passwords and API keys as they are managed: everybody has their own. */
import type { ManagedObject } from '#registry/managed-object.ts'
import { dateTime, list, oneOf, text } from '#settings/field.ts'
import { type CredentialPermissions, type CredentialRow, mailProtocols } from '../credential-tables.ts'
import { createdAt, networks, permissionList, shortText } from './fields.ts'

const modes = ['inherit', 'disable', 'replace'] as const satisfies readonly CredentialPermissions['mode'][]

const credentialFields = {
  description: shortText('What it is for, such as the device or the program.'),
  expiresAt: dateTime({ fallback: undefined, help: 'Until when it can be used; without it, for ever.' }),
  allowedIps: networks('Where it can be used from; none: anywhere.'),
  permissionMode: oneOf(modes, {
    fallback: 'inherit',
    help: 'Whether it gives all that its account may, that without the permissions listed, or of that those alone.',
  }),
  permissions: permissionList('The permissions that permissionMode is about.'),
  createdAt,
  lastUsedAt: dateTime({
    fallback: undefined,
    settable: 'never',
    help: 'When it was last used, within the hour.',
  }),
  secret: text({
    fallback: undefined,
    settable: 'never',
    help: 'What to sign in with: shown once, when it is created.',
  }),
} as const

const appPasswordObject: ManagedObject = {
  name: 'AppPassword',
  title: 'App passwords',
  help: 'Passwords that the server makes up, one for each mail program: they can be limited and deleted one by one.',
  kind: 'collection',
  ofAccount: true,
  fields: {
    ...credentialFields,
    protocols: list(oneOf(mailProtocols, { fallback: undefined, help: 'A protocol.' }), {
      fallback: [],
      max: mailProtocols.length,
      help: 'What it can be used for; none: all.',
    }),
  },
  filters: {},
}

const apiKeyObject: ManagedObject = {
  name: 'ApiKey',
  title: 'API keys',
  help: 'Keys for programs that manage, over HTTP only.',
  kind: 'collection',
  ofAccount: true,
  fields: credentialFields,
  filters: {},
}

export const objectOfKind: Readonly<Record<CredentialRow['kind'], ManagedObject>> = {
  appPassword: appPasswordObject,
  apiKey: apiKeyObject,
}
