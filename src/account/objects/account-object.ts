/** Accounts as they are managed: users, who sign in, and groups, whose members share mailboxes. */
import type { ManagedObject } from '#registry/managed-object.ts'
import { boolean, integer, list, oneOf, record, secret, size, text } from '#settings/field.ts'
import {
  aliases,
  createdAt,
  names,
  networks,
  ownAddress,
  ownDomain,
  permissionList,
  shortText,
} from './fields.ts'

const count = (what: string) => integer({ fallback: 0, min: 0, help: `The most ${what}; 0: no limit.` })

/** `Europe/Berlin`, and nothing that is no name of a zone. */
const isTimeZone = (given: string): boolean => {
  try {
    return Intl.DateTimeFormat('en', { timeZone: given }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

export const personalFields = {
  description: shortText('The name of the person, or what the account is for.'),
  locale: text({
    fallback: '',
    help: 'The language for mail and pages that the server writes.',
    allowed: 'a language such as "en-US"',
    normalise: (given) =>
      /^(?:[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3})?$/.test(given) ? given : undefined,
  }),
  timeZone: text({
    fallback: '',
    help: 'The time zone, for dates that the server writes.',
    allowed: 'a time zone such as "Europe/Berlin"',
    normalise: (given) => (given === '' || isTimeZone(given) ? given : undefined),
  }),
} as const

const accountFields = {
  type: oneOf(['user', 'group'], {
    fallback: 'user',
    settable: 'atCreation',
    help: 'A user signs in. A group has mailboxes that its members share.',
  }),
  name: ownAddress({ fallback: '', required: true, help: 'What its owner signs in with; unique.' }),
  emailAddress: ownAddress({
    fallback: undefined,
    help: 'The primary address. Where it is not given: the name.',
  }),
  aliases,
  aliasesEnabled: boolean({ fallback: true, help: 'Whether the aliases take mail.' }),
  subAddressing: oneOf(['domain', 'enabled', 'disabled'], {
    fallback: 'domain',
    help: 'Whether name+detail@ reaches it too; by default what the domain says.',
  }),
  ...personalFields,
  enabled: boolean({
    fallback: true,
    help: 'Whether its owner may sign in. Mail is kept for it all the same.',
  }),
  memberOf: names('group', 'The groups that it belongs to.'),
  members: list(text({ fallback: undefined, help: 'An account.' }), {
    fallback: [],
    settable: 'never',
    help: 'Of a group: who belongs to it, at most 1000.',
  }),
  roles: names('role', 'What it may do. Without any: the role called like its type.'),
  permissionMode: oneOf(['inherit', 'merge', 'replace'], {
    fallback: 'inherit',
    help: 'Whether enabledPermissions count: not, besides the roles, or in place of them.',
  }),
  enabledPermissions: permissionList('Permissions of this account alone.'),
  disabledPermissions: permissionList('Permissions that it has not, whatever its roles say.'),
  quotas: record(
    {
      maxDiskQuota: size({ fallback: 0, min: 0, help: 'The most bytes of mail; 0: no limit.' }),
      maxEmails: count('messages'),
      maxMailboxes: count('mailboxes'),
      maxAppPasswords: count('app passwords'),
      maxApiKeys: count('API keys'),
    },
    {
      fallback: { maxDiskQuota: 0, maxEmails: 0, maxMailboxes: 0, maxAppPasswords: 0, maxApiKeys: 0 },
      help: 'Limits; 0 is none.',
    },
  ),
  allowedIps: networks('Where sign-in is possible from; none: anywhere.'),
  secret: secret({ fallback: undefined, help: 'The password. Without one nobody can sign in.' }),
  usedDiskQuota: size({ fallback: 0, settable: 'never', help: 'Bytes that its mail takes.' }),
  createdAt,
} as const

export const accountObject: ManagedObject = {
  name: 'Account',
  title: 'Accounts',
  help: 'Users and groups with their addresses, rights and limits.',
  kind: 'collection',
  fields: accountFields,
  filters: {
    text: shortText('Part of the name, an address or the description.', 200),
    type: oneOf(['user', 'group'], { fallback: undefined, help: 'Only users or only groups.' }),
    domain: ownDomain({ fallback: undefined, help: 'Only those whose name is in this domain.' }),
    enabled: boolean({ fallback: undefined, help: 'Only those that are enabled, or that are not.' }),
    memberOf: shortText('Only members of this group.', 320),
    role: shortText('Only those with this role.', 320),
  },
}
