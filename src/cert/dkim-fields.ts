/** What is said of a DKIM key wherever it is given. */
import { readSelector } from '#account/dkim-selector.ts'
import { dkimCanonicalizations } from '#account/dkim-tables.ts'
import { duration, type Field, type FieldOptions, list, oneOf, text } from '#settings/field.ts'

/** RFC 5322 §3.6.8. */
const isFieldName = (given: string): boolean => /^[\x21-\x39\x3b-\x7e]{1,76}$/.test(given)

const yearMs = 365 * 86_400_000

export const algorithmSpellings = { ed25519: 'ed25519-sha256', rsa: 'rsa-sha256' } as const

export const selectorField = <D extends string | undefined>(o: FieldOptions<D>): Field<string | D> =>
  text({
    ...o,
    longest: 100,
    allowed: 'a selector of letters, digits, "-" and "."',
    normalise: readSelector,
  })

export const signingFields = {
  canonicalization: oneOf(dkimCanonicalizations, {
    fallback: 'relaxed/relaxed',
    help: 'How header and body may be changed on their way without breaking the signature.',
  }),
  headers: list(
    text({
      fallback: undefined,
      help: 'A name.',
      longest: 76,
      allowed: 'the name of a header field',
      normalise: (given) => (isFieldName(given) ? given : undefined),
    }),
    {
      fallback: [],
      max: 100,
      help: 'Names of the header fields that are signed; none: all that matter to readers. From is always signed.',
    },
  ),
  expire: duration({
    fallback: undefined,
    min: 60_000,
    max: yearMs,
    help: 'How long a signature holds; without it, for good.',
  }),
} as const
