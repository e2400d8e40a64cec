/**
 * The envelope of a submission (RFC 8621 §7): read to the letter where the client gave one, and else made from the
 * header. What it may ask for is what SMTP may (`queue/envelope-parameters.ts`).
 */
import { normaliseAddress } from '#base/domain-name.ts'
import { type Path, readMailbox } from '#message/path.ts'
import {
  type Draft,
  type HoldLimits,
  type MailParameters,
  mailParameters,
  type RecipientParameters,
  recipientParameters,
} from '#queue/envelope-parameters.ts'
import type { EnvelopeAddress, SubmissionEnvelope } from '#queue/submission-rows.ts'
import { identityCovers, type IdentityRow } from './identity.ts'
import type { SubmissionHeader } from './header.ts'
import { invalidEmail, SubmissionRefusal } from './refusal.ts'

export interface EnvelopeRecipient {
  readonly path: Path
  readonly parameters: RecipientParameters
}

export interface CheckedEnvelope {
  /** Empty for the null reverse-path. */
  readonly from: string
  readonly isFromAscii: boolean
  readonly parameters: MailParameters
  /** Each once. */
  readonly recipients: readonly EnvelopeRecipient[]
}

export interface EnvelopeLimits extends HoldLimits {
  readonly maxRecipients: number
  readonly maxMessageBytes: number
}

const bare = (email: string): EnvelopeAddress => ({ email, parameters: null })

/** RFC 8621 §7: where the client gave none. Throws SubmissionRefusal. */
export function envelopeOf(
  header: SubmissionHeader,
  identity: Pick<IdentityRow, 'email'>,
): SubmissionEnvelope {
  const property = header.sender.length > 0 ? 'sender' : 'from'
  const [author, ...others] = header[property]
  if (author === undefined || others.length > 0 || header.counts.get(property) !== 1)
    throw invalidEmail([property], 'the sender of the message cannot be told from its header')
  const isCovered = identityCovers(identity, author)
  if (!isCovered && identity.email.startsWith('*'))
    throw new SubmissionRefusal('forbiddenMailFrom', 'the identity has no address that could be the sender')
  const rcptTo = new Map<string, string>()
  for (const email of [...header.to, ...header.cc, ...header.bcc]) {
    const name = normaliseAddress(email) ?? email
    if (!rcptTo.has(name)) rcptTo.set(name, email)
  }
  return { mailFrom: bare(isCovered ? author : identity.email), rcptTo: [...rcptTo.values()].map(bare) }
}

/** Throws SubmissionRefusal. */
export function checkEnvelope({ mailFrom, rcptTo }: SubmissionEnvelope, o: EnvelopeLimits): CheckedEnvelope {
  const from = mailFrom.email === '' ? undefined : readMailbox(mailFrom.email)
  if (mailFrom.email !== '' && from === undefined)
    throw new SubmissionRefusal('invalidProperties', 'the sender of the envelope is no address', {
      properties: ['envelope/mailFrom/email'],
    })
  if (rcptTo.length === 0) throw new SubmissionRefusal('noRecipients', 'the message is for nobody')
  if (rcptTo.length > o.maxRecipients)
    throw new SubmissionRefusal('tooManyRecipients', `there may be ${o.maxRecipients} recipients`, {
      maxRecipients: o.maxRecipients,
    })
  const parameters = readMailParameters(mailFrom, o)
  return {
    from: from === undefined ? '' : `${from.localPart}@${from.domain}`,
    isFromAscii: from?.isAscii ?? true,
    parameters,
    recipients: readRecipients(rcptTo),
  }
}

function readRecipients(rcptTo: readonly EnvelopeAddress[]): readonly EnvelopeRecipient[] {
  const recipients = new Map<string, EnvelopeRecipient>()
  const invalid: string[] = []
  for (const [i, { email, parameters }] of rcptTo.entries()) {
    const path = readMailbox(email)
    const draft: Draft<RecipientParameters> = {}
    for (const [name, value] of Object.entries(parameters ?? {})) {
      const read = recipientParameters[name.toUpperCase()]
      if (read === undefined || !read(draft, value ?? undefined))
        throw badParameter(`envelope/rcptTo/${i}`, name)
    }
    if (path === undefined) invalid.push(email)
    else {
      const address = `${path.localPart}@${path.domain}`
      if (!recipients.has(address)) recipients.set(address, { path, parameters: draft })
    }
  }
  if (invalid.length > 0) throw invalidRecipients(invalid)
  return [...recipients.values()]
}

export const invalidRecipients = (addresses: readonly string[]): SubmissionRefusal =>
  new SubmissionRefusal('invalidRecipients', 'mail cannot be sent to some of the recipients', {
    invalidRecipients: addresses,
  })

function readMailParameters({ parameters }: EnvelopeAddress, o: EnvelopeLimits): MailParameters {
  const draft: Draft<MailParameters> = { heldUntil: 0 }
  const seen = new Set<string>()
  for (const [name, value] of Object.entries(parameters ?? {})) {
    const keyword = name.toUpperCase()
    const read = mailParameters[keyword]
    const isRight =
      read === undefined
        ? ofTransfer[keyword]?.(value ?? undefined, o) === true
        : read(draft, value ?? undefined, o)
    if (!isRight || seen.has(keyword)) throw badParameter('envelope/mailFrom', name)
    seen.add(keyword)
  }
  return draft
}

/** What is about the way to this server, on which the message is already: RFC 1870, RFC 6152, RFC 6531. */
const ofTransfer: Readonly<Record<string, (value: string | undefined, o: EnvelopeLimits) => boolean>> = {
  SIZE(value, { maxMessageBytes }) {
    if (value === undefined || !/^\d{1,20}$/.test(value)) return false
    if (Number(value) > maxMessageBytes) throw tooLarge(maxMessageBytes)
    return true
  },
  BODY: (value) => /^(?:7BIT|8BITMIME)$/i.test(value ?? ''),
  SMTPUTF8: (value) => value === undefined,
}

export const tooLarge = (maxSize: number): SubmissionRefusal =>
  new SubmissionRefusal('tooLarge', `a message may have ${maxSize} octets`, { maxSize })

const badParameter = (place: string, name: string): SubmissionRefusal =>
  new SubmissionRefusal(
    'invalidProperties',
    'a parameter of the envelope is not known or has a wrong value',
    {
      properties: [`${place}/parameters/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`],
    },
  )
