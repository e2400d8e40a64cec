/** What to do where a server says no, or nothing, at a step of a probe. */
import type { ServerReply } from './reply-reader.ts'

const silent: Readonly<Record<string, string>> = {
  connect:
    'Many networks let nobody out on port 25: ask the provider of this machine to open it, or send by a relay (MtaRoute).',
  greeting: 'The server is overloaded, or makes strangers wait. Mail is tried again by itself.',
  'TLS handshake': 'The certificate or the TLS of that server is not good; whoever runs it has to mend it.',
  AUTH: 'Look at the name and password of the route (MtaRoute).',
}

/** `reply` undefined: the connection ended, or nothing came. */
export function adviceFor(step: string, reply: ServerReply | undefined): string {
  if (reply === undefined)
    return (
      silent[step] ??
      'The connection was lost. Mail is tried again by itself; if it stays so, ask whoever runs that server.'
    )
  const { code, enhanced = '' } = reply
  const detail = enhanced.split('.').slice(1).join('.')
  if (step === 'AUTH PLAIN' || step === 'AUTH LOGIN' || step === 'AUTH') return silent['AUTH']!
  if (step === 'STARTTLS')
    return 'Mail goes there in clear, unless MtaConnectionStrategy.startTls requires TLS.'
  if (detail === '2.2') return 'The mailbox is full: tell the recipient in another way.'
  if (step === 'RCPT' && (detail === '1.1' || code === 550) && !detail.startsWith('7'))
    return 'Look for a mistake in the address before the @, and ask the recipient for the right one.'
  if (detail.startsWith('7') || code === 554)
    return 'The server refuses this as a matter of policy: look whether this server is on a block list, has reverse DNS, and SPF for the sender.'
  if (code >= 400 && code < 500)
    return 'Not now: mail waits and is tried again by itself, as greylisting wants it.'
  return 'The reason is in its words; if they do not help, ask whoever runs that server.'
}

export const adviceForTls =
  'Mail goes there all the same, since an unknown certificate is better than none (RFC 7435).'
