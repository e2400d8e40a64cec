/** Domains as they are managed. A domain is called by its name, which stays. */
import type { ManagedObject } from '#registry/managed-object.ts'
import { boolean, integer, list, oneOf, size } from '#settings/field.ts'
import { anyDomain, createdAt, ownAddress, ownDomain, shortText } from './fields.ts'

export const domainFields = {
  name: ownDomain({
    fallback: '',
    required: true,
    settable: 'atCreation',
    help: 'Its name; with letters beyond ASCII in either form.',
  }),
  description: shortText('What it is for.'),
  enabled: boolean({ fallback: true, help: 'Whether it takes mail and its users may sign in.' }),
  aliases: list(anyDomain('A domain.'), {
    fallback: [],
    max: 100,
    help: 'Other domains whose every address means the same one here.',
  }),
  redirectTo: ownDomain({
    fallback: undefined,
    help: 'Another domain here that all mail goes to, to the same local part. Its own mailboxes stay as they are.',
  }),
  catchAllAddress: ownAddress({
    fallback: undefined,
    help: 'The account or list that gets what nobody else gets.',
  }),
  subAddressing: oneOf(['enabled', 'disabled'], {
    fallback: 'enabled',
    help: 'Whether name+detail@ reaches name@. Accounts may differ.',
  }),
  maxDiskQuota: size({
    fallback: 0,
    min: 0,
    help: 'The most bytes of mail of all its accounts together; 0: no limit. What is on its way may go beyond.',
  }),
  maxAccounts: integer({ fallback: 0, min: 0, help: 'The most accounts; 0: no limit.' }),
  createdAt,
} as const

export const domainObject: ManagedObject = {
  name: 'Domain',
  title: 'Domains',
  help: 'Domains whose mail this server takes.',
  kind: 'collection',
  fields: domainFields,
  filters: { text: shortText('Part of the name or the description.', 200) },
}
