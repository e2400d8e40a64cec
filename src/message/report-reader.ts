/**
 * What others report about a message, in the fields for programs: delivery status (RFC 3464 §2) and disposition
 * (RFC 8098 §3). Somebody's claim: bounded, and left out where it is malformed.
 */
import { latin1 } from '#base/bytes.ts'
import { FieldScanner } from './headers.ts'
import { addressOfUnitext } from './unitext.ts'

/** Of one recipient. */
export interface ReportedStatus {
  /** RFC 3464 §2.3.3: `failed`, `delayed`, `delivered`, `relayed`, `expanded`; lower case. */
  readonly action: string
  /** RFC 3463. */
  readonly status: string | undefined
  /** What an SMTP server said, on one line. */
  readonly smtpReply: string | undefined
  /** Those that the recipient may be known by, as the sender wrote it first. */
  readonly addresses: readonly string[]
}

export interface DeliveryStatusReport {
  /** RFC 3464 §2.2.1. */
  readonly envelopeId: string | undefined
  readonly recipients: readonly ReportedStatus[]
}

export interface DispositionReport {
  /** RFC 8098 §3.2.6.2: `displayed`, `deleted`, ...; lower case. */
  readonly disposition: string
  /** With its brackets. */
  readonly originalMessageId: string | undefined
  readonly addresses: readonly string[]
}

type Group = ReadonlyMap<string, string>

/** RFC 5321 §4.5.3.1.8 lets a message have a hundred; some servers more. */
const mostGroups = 1000
const longestValue = 2000

export function readDeliveryStatus(part: Uint8Array): DeliveryStatusReport {
  const [ofMessage = new Map<string, string>(), ...ofRecipients] = groupsOf(part)
  return {
    envelopeId: ofMessage.get('original-envelope-id'),
    recipients: ofRecipients.flatMap((group) => {
      const action = /^[a-z]+/i.exec(group.get('action') ?? '')?.[0]?.toLowerCase()
      if (action === undefined) return []
      const status = /^[245]\.\d{1,3}\.\d{1,3}/.exec(group.get('status') ?? '')?.[0]
      return [
        { action, status, smtpReply: replyOf(group.get('diagnostic-code')), addresses: addressesOf(group) },
      ]
    }),
  }
}

/** Undefined where it says nothing. */
export function readDisposition(part: Uint8Array): DispositionReport | undefined {
  const [group] = groupsOf(part)
  // RFC 8098 §3.2.6: the modes, a semicolon, the type, and perhaps modifiers behind a slash.
  const disposition = /^[^;]*;\s*([a-z-]+)/i.exec(group?.get('disposition') ?? '')?.[1]?.toLowerCase()
  if (group === undefined || disposition === undefined) return undefined
  return { disposition, originalMessageId: group.get('original-message-id'), addresses: addressesOf(group) }
}

/** RFC 3464 §2.1: groups of fields with an empty line between them. The first of a name counts. */
function groupsOf(part: Uint8Array): readonly Group[] {
  const groups: Group[] = []
  for (let at = 0; at < part.length && groups.length < mostGroups;) {
    const scanner = new FieldScanner(part, at)
    const group = new Map<string, string>()
    while (scanner.next()) {
      const name = scanner.bytes.toString('latin1', scanner.nameStart, scanner.nameEnd).toLowerCase()
      const value = latin1(scanner.value(longestValue))
        .toString('utf8')
        .replaceAll(/\p{Cc}+/gu, ' ')
        .trim()
      if (!group.has(name)) group.set(name, value)
    }
    // What is no field ends it all.
    if (scanner.headerEnd <= at) break
    at = scanner.headerEnd
    if (group.size > 0) groups.push(group)
  }
  return groups
}

/** RFC 3464 §2.3.1, §2.3.2: a type and an address. */
function addressesOf(group: Group): readonly string[] {
  const found: string[] = []
  for (const name of ['original-recipient', 'final-recipient']) {
    const match = /^\s*([A-Za-z0-9-]{1,60})\s*;\s*(.+)$/.exec(group.get(name) ?? '')
    if (match === null) continue
    const address = match[2]!.replace(/^<(.*)>$/, '$1')
    found.push(match[1]!.toLowerCase() === 'utf-8' ? addressOfUnitext(address) : address)
  }
  return found
}

const replyOf = (diagnostic: string | undefined): string | undefined =>
  /^smtp\s*;\s*([245]\d\d[ -].*)$/i.exec(diagnostic ?? '')?.[1]
