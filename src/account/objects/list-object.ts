/** Mailing lists as they are managed. */
import { foldAddress } from '#base/domain-name.ts'
import type { ManagedObject } from '#registry/managed-object.ts'
import { boolean, list, oneOf, text } from '#settings/field.ts'
import { aliases, createdAt, ownAddress, ownDomain, shortText } from './fields.ts'

const anyAddress = text({
  fallback: undefined,
  help: 'An address.',
  allowed: 'an e-mail address',
  normalise: foldAddress,
})

const listFields = {
  name: ownAddress({ fallback: '', required: true, help: 'The address of the list.' }),
  description: shortText('What it is for.'),
  enabled: boolean({ fallback: true, help: 'Whether it takes mail.' }),
  aliases,
  recipients: list(anyAddress, {
    fallback: [],
    max: 10_000,
    help: 'Addresses that get what is sent to it, also those of groups and other lists, and on other servers.',
  }),
  owner: text({
    fallback: undefined,
    help: 'Who hears of addresses on other servers that cannot be reached; by default the postmaster of its domain.',
    allowed: 'an e-mail address',
    normalise: foldAddress,
  }),
  posting: oneOf(['anyone', 'local', 'members'], {
    fallback: 'anyone',
    help: 'Who may send to it: everybody, whoever has an account here, or only who is on it.',
  }),
  posters: list(anyAddress, {
    fallback: [],
    max: 1000,
    help: 'Addresses that may send to it besides. From outside they are believed as they are given.',
  }),
  createdAt,
} as const

export const listObject: ManagedObject = {
  name: 'MailingList',
  title: 'Mailing lists',
  help: 'Addresses whose mail goes to many.',
  kind: 'collection',
  fields: listFields,
  filters: {
    text: shortText('Part of the name or the description.', 200),
    domain: ownDomain({ fallback: undefined, help: 'Only those in this domain.' }),
    recipient: shortText('Only those that this address is on.', 320),
  },
}
