/**
 * What a person reads in a notification: what happened to which recipient, in whose words, and what to do
 * about it. Lines of up to 78 characters, in plain English.
 */
import type { QueuedMessage, QueuedRecipient } from './tables.ts'
import { unreadable } from './transport.ts'

const width = 76

const titles = {
  failed: 'Your message could not be delivered',
  delayed: 'Your message is delayed',
  delivered: 'Your message was delivered',
  relayed: 'Your message was passed on',
} as const

type Report = keyof typeof titles

const kindsIn = (recipients: readonly QueuedRecipient[]): readonly Report[] =>
  (Object.keys(titles) as Report[]).filter((kind) => recipients.some(({ report }) => report === kind))

/** The subject: the worst news first. */
export function noticeSubject(recipients: readonly QueuedRecipient[], subject: string | undefined): string {
  const [worst = 'failed'] = kindsIn(recipients)
  return subject === undefined || subject === '' ? titles[worst] : `${titles[worst]}: ${subject}`
}

export function noticeText(
  message: QueuedMessage,
  recipients: readonly QueuedRecipient[],
  o: { readonly hostname: string; readonly subject: string | undefined },
): readonly string[] {
  const lines = [`This is the mail server ${o.hostname}.`, '']
  const name =
    o.subject === undefined || o.subject === '' ? `of ${day(message.receivedAt)}` : `"${o.subject}"`
  lines.push(...fold(`About your message ${name}`), '')
  for (const kind of kindsIn(recipients)) {
    lines.push(...fold(introductions[kind]), '')
    for (const recipient of recipients)
      if (recipient.report === kind) lines.push(...describe(message, recipient))
  }
  return lines
}

const introductions: Readonly<Record<Report, string>> = {
  failed: 'It could not be delivered to the following recipients. It will not be tried again.',
  delayed:
    'It has not reached the following recipients yet. You need not do anything: it is being tried again, and you will hear if it fails for good.',
  delivered: 'It was delivered to the following recipients.',
  relayed:
    'It was passed on to the servers of the following recipients, which may not tell whether and when they deliver it.',
}

function describe(message: QueuedMessage, recipient: QueuedRecipient): readonly string[] {
  const last = recipient.history.at(-1)
  const lines = [`    ${recipient.address}`]
  if (recipient.report === 'failed' || recipient.report === 'delayed') {
    const isOurs = last?.step === unreadable.step
    if (last !== undefined) {
      const host = `server ${last.host}${at(last.ip)}`
      const whose = isReply(last.said) ? `The ${host} said` : `With the ${host}`
      const who = last.host === undefined || isOurs ? 'The reason is' : whose
      lines.push(...indent(fold(`${who}: ${last.said}`)))
    }
    if (recipient.report === 'delayed')
      lines.push(...indent(fold(`It will be tried until ${day(recipient.expiresAt)}.`)))
    else lines.push(...indent(fold(isOurs ? lostAdvice : adviceFor(recipient.status ?? '', message))))
  } else if (last?.host !== undefined) {
    lines.push(...indent(fold(`The server ${last.host}${at(last.ip)} took it.`)))
  }
  return [...lines, '']
}

/** What a server said, and not what we found. */
export const isReply = (said: string): boolean => /^[245]\d\d/.test(said)

const at = (ip: string | undefined): string => (ip === undefined ? '' : ` (${ip})`)
const day = (ms: number): string => new Date(ms).toUTCString()
const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `        ${line}`)

const lostAdvice =
  'Send it again, and show this notification to whoever runs your mail server: the message was damaged there.'

/** By what RFC 3463 says of the status. */
function adviceFor(status: string, message: QueuedMessage): string {
  const [, subject = '', detail = ''] = status.split('.')
  const code = `${subject}.${detail}`
  if (code === '1.1' || code === '1.0' || code === '1.3' || code === '1.6')
    return 'Look for a mistake in the address before the @, and ask the recipient for the right one.'
  if (code === '1.2' || code === '4.4' || code === '1.10')
    return 'Look for a mistake in the address behind the @: this domain does not take mail.'
  if (code === '2.2') return 'The mailbox is full. Tell the recipient in another way, and try again later.'
  if (code === '3.4' || code === '2.3')
    return 'The message is too large for the recipient. Send it in parts, or put the files where they can be fetched.'
  if (code === '4.7' || subject === '4')
    return 'The server of the recipient could not be reached for too long. Try again later, or ask the recipient.'
  if (subject === '7')
    return 'The server of the recipient refuses this message as a matter of policy. Show this notification to whoever runs your mail.'
  if (code === '6.7')
    return 'The server of the recipient does not take addresses with other than plain Latin letters.'
  return message.account === 0
    ? 'Show this notification to whoever runs your mail.'
    : 'If you cannot tell what to do, show this notification to whoever runs your mail server.'
}

/** At spaces; what has none stays whole. */
function fold(text: string): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.replace(/\p{Cc}+/gu, ' ').split(/ +/)) {
    if (line !== '' && line.length + 1 + word.length > width - 8) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
