/**
 * What a failed command answers: one line for every code of a Fault, aware of the command where the RFCs are
 * (RFC 5530, RFC 9051 §7.1).
 */
import type { Fault, FaultCode } from '#base/fault.ts'

/** A command that fails for a reason only IMAP has. `code` is the response code, without its brackets. */
export class Refusal extends Error {
  readonly status: 'NO' | 'BAD'
  readonly code: string | undefined
  constructor(text: string, code?: string, status: 'NO' | 'BAD' = 'NO') {
    super(text)
    this.name = 'Refusal'
    this.status = status
    this.code = code
  }
}

/** RFC 9586 §3: message numbers from a client that wanted none. */
export const uidRequired = (): Refusal =>
  new Refusal('Message numbers are not used once UIDONLY is enabled', 'UIDREQUIRED', 'BAD')

const codes: Readonly<Record<FaultCode, string>> = {
  notFound: 'NONEXISTENT',
  forbidden: 'NOPERM',
  exists: 'ALREADYEXISTS',
  invalid: 'CANNOT',
  tooLarge: 'LIMIT',
  overQuota: 'OVERQUOTA',
  conflict: 'INUSE',
  rateLimited: 'LIMIT',
  unavailable: 'UNAVAILABLE',
  authenticationFailed: 'AUTHENTICATIONFAILED',
}

/** Commands that bring messages to the server. */
const bringing: ReadonlySet<string> = new Set(['APPEND', 'REPLACE', 'UID REPLACE'])
/** Commands that put messages into a mailbox which the client could create (RFC 9051 §6.3.12, §6.4.7, §6.4.8). */
const filling: ReadonlySet<string> = new Set([...bringing, 'COPY', 'MOVE', 'UID COPY', 'UID MOVE'])

export function refusalOf(fault: Fault, command: string): Refusal {
  if (filling.has(command)) {
    if (fault.code === 'notFound') return new Refusal('No such mailbox', 'TRYCREATE')
    // RFC 7889 §4
    if (fault.code === 'tooLarge' && bringing.has(command)) return new Refusal('Message too large', 'TOOBIG')
  }
  return new Refusal(capitalised(fault.publicText), codes[fault.code])
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
