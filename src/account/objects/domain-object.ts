/** Domains as they are managed. A domain is called by its name, which stays. */
import type { ManagedObject } from '#registry/managed-object.ts'
import { boolean, duration, integer, list, oneOf, record, size, text } from '#settings/field.ts'
import { readSelectorTemplate } from '../dkim-selector.ts'
import { dkimAlgorithms, dkimDefaults } from '../dkim-tables.ts'
import { domainDefaults } from '../tables.ts'
import { anyDomain, createdAt, ownAddress, ownDomain, shortText } from './fields.ts'

const hourMs = 3_600_000
const longestMs = 3650 * 24 * hourMs

const dkimManagement = {
  type: oneOf(['automatic', 'manual'], {
    fallback: dkimDefaults.type,
    help: '`automatic`: the server makes, changes and ends its keys. `manual`: it only looks for their records.',
  }),
  algorithms: list(
    oneOf(dkimAlgorithms, {
      fallback: undefined,
      spellings: {
        ed25519: 'ed25519-sha256',
        rsa: 'rsa-sha256',
        dkim1ed25519sha256: 'ed25519-sha256',
        dkim1rsasha256: 'rsa-sha256',
      },
      help: 'An algorithm.',
    }),
    {
      fallback: dkimDefaults.algorithms,
      min: 1,
      max: dkimAlgorithms.length,
      help: 'It has a key of each, and mail a signature by each. Not everybody understands Ed25519, so RSA should stay.',
    },
  ),
  selectorTemplate: text({
    fallback: dkimDefaults.selectorTemplate,
    longest: 200,
    allowed: 'letters, digits, "-" and "." with {version}, {algorithm} and {date-%Y%m%d}',
    normalise: readSelectorTemplate,
    help: 'What selectors are called: {version} counts, {algorithm} is ed25519 or rsa, {date-...} is the day in UTC, of %Y %y %m %d %j %H %M.',
  }),
  rotateAfter: duration({
    fallback: dkimDefaults.rotateAfter,
    min: hourMs,
    max: longestMs,
    help: 'How long a key signs until the next one is made. It goes on until the record of that is seen.',
  }),
  retireAfter: duration({
    fallback: dkimDefaults.retireAfter,
    min: hourMs,
    max: longestMs,
    help: 'How long the record of a key stays that signs no more: longer than mail is on its way.',
  }),
  deleteAfter: duration({
    fallback: dkimDefaults.deleteAfter,
    min: 0,
    max: longestMs,
    help: 'How long a key is kept after that, to tell that its record is still there.',
  }),
}

const domainFields = {
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
  dkimManagement: record(dkimManagement, {
    fallback: dkimDefaults,
    help: 'How the keys come and go that its mail is signed with (DKIM), and those of its aliases.',
  }),
  reportAddressUri: text({
    fallback: domainDefaults.reportAddressUri,
    longest: 300,
    allowed: 'a URI such as "mailto:postmaster" or "mailto:reports@example.org", or nothing',
    normalise: (given) => (/^(?:mailto:[^\s"\\,;!]{1,254})?$/.test(given) ? given : undefined),
    help: 'Whom its DNS records name for reports of others (DMARC, TLS). Without "@" it is of the domain; empty: nobody.',
  }),
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
