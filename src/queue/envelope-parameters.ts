/**
 * What those who submit mail may say with an address of the envelope, and how the queue keeps it: RET, ENVID,
 * NOTIFY and ORCPT (RFC 3461), HOLDFOR and HOLDUNTIL (RFC 4865), BY (RFC 2852). Values come decoded: SMTP has
 * some of them in xtext, JMAP has none (RFC 8621 §7).
 */
import { type DeliverBy, type NotifyWord, notifyWords } from './transport.ts'

/** RFC 3461 §4.4 and §4.2. */
export const longestEnvelopeId = 100
const longestOriginalRecipient = 500

/** What was said with the reverse-path. */
export interface MailParameters {
  /** RFC 3461 §4.3 and §4.4. */
  readonly ret?: 'full' | 'headers'
  readonly envelopeId?: string
  /** RFC 4865: not before. Milliseconds; 0: at once. */
  readonly heldUntil: number
  /** As it was asked: `for;3600`, `until;2026-03-04T05:06:07Z`. */
  readonly hold?: string
  /** RFC 2852. */
  readonly by?: DeliverBy
}

/** What was said with a recipient (RFC 3461 §4). */
export interface RecipientParameters {
  readonly notify?: readonly NotifyWord[]
  readonly originalRecipient?: string
}

export type Draft<T> = { -readonly [K in keyof T]: T[K] }

export interface HoldLimits {
  readonly nowMs: number
  /** How far ahead mail may be held, milliseconds. */
  readonly maxHoldMs: number
}

/** True where the value is right. */
type Reader<T> = (draft: Draft<T>, value: string | undefined, o: HoldLimits) => boolean

export const mailParameters: Readonly<Record<string, Reader<MailParameters>>> = {
  RET(draft, value) {
    const word = value?.toUpperCase()
    if (word !== 'FULL' && word !== 'HDRS') return false
    draft.ret = word === 'FULL' ? 'full' : 'headers'
    return true
  },
  ENVID(draft, value) {
    if (value === undefined || value.length > longestEnvelopeId || !/^[\x20-\x7e]+$/.test(value)) return false
    draft.envelopeId = value
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

export const recipientParameters: Readonly<
  Record<string, (draft: Draft<RecipientParameters>, value: string | undefined) => boolean>
> = {
  /** RFC 3461 §4.1: NEVER stands alone. */
  NOTIFY(draft, value = '') {
    const words = value.toLowerCase().split(',')
    const isNever = words.length === 1 && words[0] === 'never'
    if (!isNever && !words.every((word) => (notifyWords as readonly string[]).includes(word))) return false
    draft.notify = notifyWords.filter((word) => words.includes(word))
    return true
  },
  /** RFC 3461 §4.2: `addr-type ; xtext`, decoded. RFC 6533 §3: another form for the type utf-8, kept as given. */
  ORCPT(draft, value = '') {
    const match = /^([A-Za-z0-9-]{1,60});(.+)$/u.exec(value)
    if (match === null || value.length > longestOriginalRecipient || /\p{Cc}/u.test(match[2]!)) return false
    draft.originalRecipient = `${match[1]!.toLowerCase()};${match[2]}`
    return true
  },
}
