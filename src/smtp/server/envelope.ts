/**
 * What the parameters of MAIL and RCPT mean: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC
 * 4954 §5), and for those who submit mail what `queue/envelope-parameters.ts` has. A parameter that is not
 * offered to the client is one that is not known.
 */
import {
  type Draft,
  type HoldLimits,
  longestEnvelopeId,
  mailParameters,
  type RecipientParameters,
  recipientParameters,
} from '#queue/envelope-parameters.ts'
import type { Path } from '#message/path.ts'
import type { Parameter } from '../parameters.ts'
import { type Reply, reply } from '../reply.ts'
import { decodeXtext } from '../xtext.ts'
import type { Envelope } from './transaction.ts'

const unknownParameter = reply(555, '5.5.4', 'Parameter not supported')
const badParameter = reply(501, '5.5.4', 'Bad value of a parameter')
const needsUtf8 = reply(550, '5.6.7', 'Address is not ASCII, SMTPUTF8 is needed')

export interface EnvelopeOptions extends HoldLimits {
  /** Whether the parameters for those who submit mail are offered. */
  readonly isSubmission: boolean
}

/** What MAIL said, or the reply to what it must not. */
export function readEnvelope(
  from: Path,
  parameters: readonly Parameter[],
  o: EnvelopeOptions,
): Envelope | Reply {
  const draft: Draft<Envelope> = { from, isUtf8: false, declaredBytes: 0, heldUntil: 0 }
  for (const { keyword, value } of parameters) {
    const read = usual[keyword] ?? (o.isSubmission ? forSubmission(keyword) : undefined)
    if (read === undefined) return unknownParameter
    if (!read(draft, value, o)) return badParameter
  }
  return from.isAscii || draft.isUtf8 ? draft : needsUtf8
}

/** True where the value is right. */
type Reader = (draft: Draft<Envelope>, value: string | undefined, o: HoldLimits) => boolean

const usual: Readonly<Record<string, Reader>> = {
  SIZE(draft, value) {
    // RFC 1870 §3: up to 20 digits.
    if (value === undefined || !/^\d{1,20}$/.test(value)) return false
    draft.declaredBytes = Number(value)
    return true
  },
  BODY: (_draft, value) => /^(?:7BIT|8BITMIME)$/i.test(value ?? ''),
  SMTPUTF8(draft, value) {
    draft.isUtf8 = true
    return value === undefined
  },
  // RFC 4954 §5: nobody is trusted to assert it, so it counts as `<>`.
  AUTH: (_draft, value) => value !== undefined,
}

function forSubmission(keyword: string): Reader | undefined {
  const read = mailParameters[keyword]
  if (read === undefined || keyword !== 'ENVID') return read
  // RFC 3461 §4.4: the limit is of what stands there.
  return (draft, value, o) =>
    value !== undefined && value.length <= longestEnvelopeId && read(draft, decodeXtext(value), o)
}

/** What RCPT said besides the address. */
export function readRecipientOptions(
  parameters: readonly Parameter[],
  isSubmission: boolean,
): RecipientParameters | Reply {
  const options: Draft<RecipientParameters> = {}
  for (const { keyword, value = '' } of parameters) {
    const read = isSubmission ? recipientParameters[keyword] : undefined
    if (read === undefined) return unknownParameter
    const decoded = keyword === 'ORCPT' ? decodeOriginal(value) : value
    if (decoded === undefined || !read(options, decoded)) return badParameter
  }
  return options
}

/** RFC 3461 §4.2: `addr-type ; xtext`. RFC 6533 §3: of the type utf-8 it has another form. */
function decodeOriginal(value: string): string | undefined {
  const at = value.indexOf(';') + 1
  if (value.length > 500 || /^utf-8;/i.test(value)) return value
  const decoded = decodeXtext(value.slice(at))
  return decoded === undefined ? undefined : value.slice(0, at) + decoded
}
