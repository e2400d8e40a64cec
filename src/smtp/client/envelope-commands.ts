/**
 * The commands that name sender and recipients, with the parameters of extensions that the server offers, and what
 * a server that does not offer them cannot be given at all.
 */
import type { Job, OutboundRecipient } from '#queue/transport.ts'
import { unitextInAscii } from '#message/unitext.ts'
import { encodeXtext } from '../xtext.ts'
import { byParameter, notifyOf, whyNotInTime } from './deliver-by.ts'
import type { Offers } from './session.ts'

export const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text)

interface No {
  /** RFC 3463. */
  readonly status: string
  readonly said: string
}

/** What the server does not take is not tried. */
export function whyNot(offers: Offers, job: Job, now: number): No | undefined {
  const no = (status: string, said: string): No => ({ status, said })
  const limit = Number(offers.get('SIZE') ?? '0')
  if (limit > 0 && job.message.sizeBytes > limit)
    return no(
      '5.3.4',
      `the server takes messages of up to ${limit} bytes, and this one has ${job.message.sizeBytes}`,
    )
  // RFC 6152 §3: what is not converted is returned.
  if (job.message.is8bit && !offers.has('8BITMIME'))
    return no('5.6.3', 'the server takes only 7-bit messages, and this one has 8-bit characters')
  if (needsUtf8(job) && !offers.has('SMTPUTF8'))
    return no('5.6.7', 'the server does not take addresses or headers with more than ASCII characters')
  return job.by === undefined ? undefined : whyNotInTime(offers, job.by, now)
}

const needsUtf8 = (job: Job): boolean =>
  job.message.needsUtf8 || !isAscii(job.from) || job.recipients.some(({ address }) => !isAscii(address))

/** Names the step. */
export const mailStep = (job: Job): string => `MAIL FROM:<${job.from}>`
export const rcptStep = ({ address }: OutboundRecipient): string => `RCPT TO:<${address}>`

export function mailCommand(offers: Offers, job: Job, now: number): string {
  const words = [mailStep(job)]
  if (offers.has('SIZE')) words.push(`SIZE=${job.message.sizeBytes}`)
  if (job.message.is8bit) words.push('BODY=8BITMIME')
  if (needsUtf8(job)) words.push('SMTPUTF8')
  if (offers.has('DSN')) {
    if (job.ret !== undefined) words.push(`RET=${job.ret === 'full' ? 'FULL' : 'HDRS'}`)
    if (job.envelopeId !== undefined) words.push(`ENVID=${encodeXtext(job.envelopeId)}`)
  }
  if (job.by !== undefined && offers.has('DELIVERBY')) words.push(byParameter(job.by, now))
  return words.join(' ')
}

/** RFC 3461 §5.2.1: what the sender asked for goes along; an original recipient is named for the next ones. */
export function rcptCommand(offers: Offers, job: Job, recipient: OutboundRecipient, now: number): string {
  const words = [rcptStep(recipient)]
  if (offers.has('DSN')) {
    const { originalRecipient, address } = recipient
    const notify = notifyOf(recipient, offers, job.by, now)
    if (notify !== undefined)
      words.push(
        `NOTIFY=${notify.length === 0 ? 'NEVER' : notify.map((word) => word.toUpperCase()).join(',')}`,
      )
    const [type, ...rest] = originalRecipient?.split(';') ?? []
    if (type !== undefined)
      words.push(`ORCPT=${type};${originalAddress(type, rest.join(';'), needsUtf8(job))}`)
    else if (notify !== undefined && isAscii(address)) words.push(`ORCPT=rfc822;${encodeXtext(address)}`)
  }
  return words.join(' ')
}

/** RFC 3461 §4.2; RFC 6533 §3: with ASCII only, where the transaction is of ASCII. */
function originalAddress(type: string, address: string, isUtf8: boolean): string {
  if (type !== 'utf-8') return encodeXtext(address)
  return isUtf8 ? address : unitextInAscii(address)
}
