/** Kinds of field that several objects of this folder have. */
import { normaliseDomain } from '#base/domain-name.ts'
import { formatNetwork, parseNetwork } from '#base/ip.ts'
import { utcDateOf } from '#base/utc-date.ts'
import { boolean, dateTime, type Field, list, record, text } from '#settings/field.ts'
import { readOwnDomain } from '../address.ts'
import { normaliseExact, normaliseOwned } from '../own-address.ts'
import { isPermission, type Permission } from '../permission.ts'

const maxDescription = 1000
const maxAliases = 499

/** One line of at most so many characters, without control characters. */
const plainText = (longest: number) => (given: string) =>
  given.length <= longest && given.isWellFormed() && !/\p{Cc}/u.test(given) ? given : undefined

export const shortText = (help: string, longest = maxDescription) =>
  text({
    fallback: '',
    help,
    longest,
    allowed: `one line of at most ${longest} characters`,
    normalise: plainText(longest),
  })

export const ownAddress = <D extends string | undefined>(o: {
  fallback: D
  help: string
  required?: true
}): Field<string | D> =>
  text({ ...o, allowed: 'an e-mail address such as alice@example.org', normalise: normaliseExact })

export const ownDomain = <D extends string | undefined>(o: {
  fallback: D
  help: string
  required?: true
  settable?: 'atCreation'
}): Field<string | D> =>
  text({ ...o, allowed: 'a domain name such as example.org', normalise: readOwnDomain })

export const anyDomain = (help: string): Field<string | undefined> =>
  text({ fallback: undefined, help, allowed: 'a domain name', normalise: normaliseDomain })

export const aliases = list(
  record(
    {
      address: text({
        fallback: '',
        required: true,
        help: 'The address.',
        allowed: 'an e-mail address, @domain for a catch-all, or a pattern such as sales-*@example.org',
        normalise: normaliseOwned,
      }),
      enabled: boolean({ fallback: true, help: 'Whether mail to it is taken.' }),
      description: shortText('What it is for.'),
    },
    { fallback: undefined, help: 'A further address.' },
  ),
  { fallback: [], max: maxAliases, help: 'Further addresses: exact ones, catch-alls and patterns.' },
)

export const permissionList = (help: string): Field<readonly Permission[]> =>
  list(
    text({
      fallback: undefined,
      help: 'A permission.',
      allowed: 'the name of a permission',
      normalise: (given) => (isPermission(given) ? given : undefined),
    }),
    { fallback: [], max: 1000, help },
  ) as Field<readonly Permission[]>

export const names = (what: string, help: string): Field<readonly string[]> =>
  list(
    text({
      fallback: undefined,
      help: `A ${what}.`,
      allowed: `the name of a ${what}`,
      normalise: plainText(320),
    }),
    { fallback: [], max: 1000, help },
  )

export const networks = (help: string): Field<readonly string[]> =>
  list(
    text({
      fallback: undefined,
      help: 'An address or a network.',
      allowed: 'an IP address or network such as "192.0.2.0/24" or "2001:db8::/32"',
      normalise: (given) => {
        const network = parseNetwork(given)
        return network && formatNetwork(network)
      },
    }),
    { fallback: [], max: 100, help },
  )

export const createdAt = dateTime({ fallback: undefined, settable: 'never', help: 'When it was created.' })

/** RFC 3339; undefined for what is older than this record. */
export const momentOf = (ms: number): string | undefined => (ms === 0 ? undefined : utcDateOf(ms))
