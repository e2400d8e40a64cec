/**
 * What the parameters of MAIL and RCPT mean: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC
 * 4954 §5), and for those who submit mail RET, ENVID, NOTIFY and ORCPT (RFC 3461), HOLDFOR and HOLDUNTIL
 * (RFC 4865), BY (RFC 2852). A parameter that is not offered to the client is one that is not known.
 */
import { notifyWords, type NotifyWord } from '#queue/transport.ts'
import type { Parameter } from '../parameters.ts'
import type { Path } from '../path.ts'
import { type Reply, reply } from '../reply.ts'
import { decodeXtext } from '../xtext.ts'
import type { Envelope, RecipientOptions } from './transaction.ts'

const unknownParameter = reply(555, '5.5.4', 'Parameter not supported')
const badParameter = reply(501, '5.5.4', 'Bad value of a parameter')
const needsUtf8 = reply(550, '5.6.7', 'Address is not ASCII, SMTPUTF8 is needed')

/** RFC 3461 §4.4 and §4.2. */
const longestEnvelopeId = 100
const longestOriginalRecipient = 500

export interface EnvelopeOptions {
  /** Whether the parameters for those who submit mail are offered. */
  readonly isSubmission: boolean
  readonly nowMs: number
  /** How far ahead mail may be held, milliseconds. */
  readonly maxHoldMs: number
}

type Draft = { -readonly [K in keyof Envelope]: Envelope[K] }

/** What MAIL said, or the reply to what it must not. */
export function readEnvelope(
  from: Path,
  parameters: readonly Parameter[],
  o: EnvelopeOptions,
): Envelope | Reply {
  const draft: Draft = { from, isUtf8: false, declaredBytes: 0, heldUntil: 0 }
  for (const { keyword, value } of parameters) {
    const read = usual[keyword] ?? (o.isSubmission ? forSubmission[keyword] : undefined)
    if (read === undefined) return unknownParameter
    if (!read(draft, value, o)) return badParameter
  }
  return from.isAscii || draft.isUtf8 ? draft : needsUtf8
}

/** True where the value is right. */
type Reader = (draft: Draft, value: string | undefined, o: EnvelopeOptions) => boolean

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

const forSubmission: Readonly<Record<string, Reader>> = {
  RET(draft, value) {
    const word = value?.toUpperCase()
    if (word !== 'FULL' && word !== 'HDRS') return false
    draft.ret = word === 'FULL' ? 'full' : 'headers'
    return true
  },
  ENVID(draft, value) {
    const decoded = value === undefined || value.length > longestEnvelopeId ? undefined : decodeXtext(value)
    if (decoded === undefined || !/^[\x20-\x7e]+$/.test(decoded)) return false
    draft.envelopeId = decoded
    return true
  },
  HOLDFOR(draft, value, { nowMs, maxHoldMs }) {
    if (draft.heldUntil !== 0 || value === undefined || !/^[1-9]\d{0,8}$/.test(value)) return false
    draft.heldUntil = nowMs + Number(value) * 1000
    draft.hold = `for;${value}`
    return Number(value) * 1000 <= maxHoldMs
  },
  HOLDUNTIL(draft, value, { nowMs, maxHoldMs }) {
    const isTime = value !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/.test(value)
    const at = isTime ? Date.parse(value) : NaN
    if (draft.heldUntil !== 0 || Number.isNaN(at) || at > nowMs + maxHoldMs) return false
    draft.heldUntil = at
    draft.hold = `until;${value}`
    return true
  },
  BY(draft, value, { nowMs }) {
    const match = /^([+-]?\d{1,9});([NR])(T?)$/i.exec(value ?? '')
    if (match === null) return false
    const seconds = Number(match[1])
    const mode = match[2]!.toUpperCase() === 'R' ? 'return' : 'notify'
    // RFC 2852 §4: a time that has passed makes sense only where it is merely told.
    if (mode === 'return' && seconds <= 0) return false
    draft.by = { at: nowMs + seconds * 1000, mode, ...(match[3] === '' ? {} : { trace: true }) }
    return true
  },
}

/** What RCPT said besides the address. */
export function readRecipientOptions(
  parameters: readonly Parameter[],
  isSubmission: boolean,
): RecipientOptions | Reply {
  const options: { notify?: readonly NotifyWord[]; originalRecipient?: string } = {}
  for (const { keyword, value = '' } of parameters) {
    if (!isSubmission) return unknownParameter
    if (keyword === 'NOTIFY') {
      const words = readNotify(value)
      if (words === undefined) return badParameter
      options.notify = words
    } else if (keyword === 'ORCPT') {
      const original = readOriginalRecipient(value)
      if (original === undefined) return badParameter
      options.originalRecipient = original
    } else return unknownParameter
  }
  return options
}

/** RFC 3461 §4.1: NEVER stands alone. */
function readNotify(value: string): readonly NotifyWord[] | undefined {
  const words = value.toLowerCase().split(',')
  if (words.length === 1 && words[0] === 'never') return []
  const known = notifyWords.filter((word) => words.includes(word))
  return words.length > 0 && words.every((word) => (notifyWords as readonly string[]).includes(word))
    ? known
    : undefined
}

/** RFC 3461 §4.2: `addr-type ; xtext`, decoded. RFC 6533 §3: another form for the type utf-8, kept as given. */
function readOriginalRecipient(value: string): string | undefined {
  const match = /^([A-Za-z0-9-]{1,60});(.+)$/u.exec(value)
  if (match === null || value.length > longestOriginalRecipient) return undefined
  const type = match[1]!.toLowerCase()
  const decoded = type === 'utf-8' ? match[2]! : decodeXtext(match[2]!)
  return decoded === undefined || /\p{Cc}/u.test(decoded) ? undefined : `${type};${decoded}`
}
