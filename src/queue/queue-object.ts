/**
 * Mail that waits as it is managed. The server makes these objects and ends them; people look at them, hurry
 * them, change where they go and take them out.
 */
import type { ManagedObject } from '#registry/managed-object.ts'
import { normaliseAddress } from '#base/domain-name.ts'
import { boolean, dateTime, integer, list, oneOf, record, size, text } from '#settings/field.ts'

const longestAddress = 320
const mostRecipients = 10_000

const said = (help: string) => text({ fallback: '', settable: 'never', help })
const moment = (help: string) => dateTime({ fallback: undefined, settable: 'never', help })
const count = (help: string) => integer({ fallback: 0, settable: 'never', help })
const address = (help: string) =>
  text({
    fallback: undefined,
    help,
    allowed: 'an address such as "bob@example.net"',
    longest: longestAddress,
    normalise: normaliseAddress,
  })
const someText = (help: string) => text({ fallback: undefined, help, longest: longestAddress })

/**
 * `waiting`: for its first attempt. `trying`: now. `delayed`: an attempt failed, and another one follows.
 * `reporting`: nothing more is tried, its sender is being told.
 */
const recipientStates = ['waiting', 'trying', 'delayed', 'reporting'] as const
export type RecipientState = (typeof recipientStates)[number]

const attempt = record(
  {
    at: moment('When it began.'),
    elapsedMs: count('How long it took, in milliseconds.'),
    host: said('The server.'),
    ip: said('Its address.'),
    tls: said('How the connection was secured; empty in clear.'),
    step: said('What was going on.'),
    said: said('What the server answered, or what went wrong.'),
  },
  { fallback: undefined, help: 'An attempt.' },
)

const recipient = record(
  {
    address: said('The address.'),
    state: oneOf(recipientStates, { fallback: 'waiting', help: 'How far it is.' }),
    queue: said('The virtual queue.'),
    attempts: count('How often it was tried.'),
    nextAttemptAt: moment('When it is tried next.'),
    expiresAt: moment('When it is given up.'),
    status: said('The status of the last attempt (RFC 3463).'),
    history: list(attempt, { fallback: [], help: 'The last attempts, newest last.' }),
  },
  { fallback: undefined, help: 'A recipient.' },
)

export const queuedMessageObject: ManagedObject = {
  name: 'QueuedMessage',
  title: 'Mail that waits',
  help: 'Messages on their way, each with the recipients that have it not yet.',
  kind: 'record',
  fields: {
    from: said('The sender of the envelope; empty for a notification.'),
    source: oneOf(['submitted', 'received', 'dsn', 'report'], {
      fallback: 'submitted',
      settable: 'never',
      help: 'From an account here, from outside, or a notification or a report of the server.',
    }),
    account: said('The account that submitted it.'),
    receivedAt: moment('When it came in.'),
    size: size({ fallback: 0, settable: 'never', help: 'How large it is.' }),
    envelopeId: said('What its sender calls it (RFC 3461).'),
    attempts: count('The attempts of the recipient that was tried most often.'),
    status: said('What was said last to any recipient.'),
    to: list(address('An address.'), {
      fallback: [],
      max: mostRecipients,
      help: 'Who is to get it still. Leaving one out cancels it; another one in its place goes there instead.',
    }),
    nextAttemptAt: dateTime({ fallback: undefined, help: 'When it is tried next; changing it moves that.' }),
    expiresAt: dateTime({ fallback: undefined, help: 'When the last recipient is given up.' }),
    retry: boolean({ fallback: undefined, help: 'With true it is tried now; never shown.' }),
    only: list(address('An address.'), {
      fallback: undefined,
      max: mostRecipients,
      help: 'Which recipients the other changes are about; all where absent. Never shown.',
    }),
    bounce: boolean({
      fallback: undefined,
      help: 'With true the sender is told of recipients that are cancelled; never shown.',
    }),
    recipients: list(recipient, {
      fallback: [],
      settable: 'never',
      help: 'Each recipient with what was tried.',
    }),
  },
  filters: {
    text: someText('Part of the sender or of a recipient.'),
    from: someText('Part of the sender.'),
    to: someText('Part of a recipient.'),
    domain: someText('The domain of a recipient.'),
    account: someText('The account that submitted it, by name.'),
    status: someText('Part of what was said last to a recipient, or of the status.'),
    dueBefore: dateTime({ fallback: undefined, help: 'A recipient is tried before this time.' }),
    dueAfter: dateTime({ fallback: undefined, help: 'A recipient is tried at this time or later.' }),
  },
}
