/**
 * What administrators may set about receiving mail over SMTP and LMTP. Sessions read the values once, when
 * they begin: a change holds for new connections.
 */
import { boolean, duration, integer, size, text } from '#settings/field.ts'
import { type Settings, settingsObject } from '#settings/object.ts'
import { type SenderChecks, senderAuth } from './server/settings.ts'

const mtaInboundSession = settingsObject({
  name: 'MtaInboundSession',
  title: 'SMTP sessions',
  help: 'Limits of a connection over which mail comes in.',
  many: false,
  fields: {
    timeout: duration({
      fallback: 300_000,
      min: 1000,
      help: 'How long a client may be silent.',
      classic: 'session.timeout',
    }),
    maxDuration: duration({
      fallback: 600_000,
      min: 1000,
      help: 'How long a session may last. A transfer under way may take longer while it moves on.',
      classic: 'session.duration',
    }),
    maxErrors: integer({ fallback: 20, min: 1, help: 'Rejected commands after which the session ends.' }),
    maxUnknownCommands: integer({
      fallback: 10,
      min: 1,
      help: 'Unknown commands after which the session ends.',
    }),
    maxLineLength: size({ fallback: 2048, min: 1024, max: 65_536, help: 'The longest command line.' }),
  },
})

const mtaStageConnect = settingsObject({
  name: 'MtaStageConnect',
  title: 'SMTP greeting',
  help: 'What a client is greeted with.',
  many: false,
  fields: {
    smtpGreeting: text({
      fallback: 'ESMTP ready',
      help: 'The text behind the host name in the greeting.',
      classic: 'session.connect.greeting',
      allowed: 'up to 200 printable ASCII characters',
      normalise: (given) => (/^[\x20-\x7e]{0,200}$/.test(given) ? given : undefined),
    }),
  },
})

const mtaStageAuth = settingsObject({
  name: 'MtaStageAuth',
  title: 'SMTP sign-in',
  help: 'Sign-in with AUTH.',
  many: false,
  fields: {
    maxFailures: integer({
      fallback: 3,
      min: 1,
      help: 'Failed sign-ins after which the session ends.',
      classic: 'session.auth.errors.total',
    }),
    waitOnFail: duration({
      fallback: 5000,
      max: 60_000,
      help: 'How long a failed sign-in waits for its answer.',
      classic: 'session.auth.errors.wait',
    }),
    mustMatchSender: boolean({
      fallback: true,
      help: 'Who signed in may only send as addresses of the own account: in the envelope, and of the domains of this server in From too.',
      classic: 'session.auth.must-match-sender',
    }),
  },
})

const mtaStageRcpt = settingsObject({
  name: 'MtaStageRcpt',
  title: 'SMTP recipients',
  help: 'Limits on the recipients of a message.',
  many: false,
  fields: {
    // RFC 5321 §4.5.3.1.8: a hundred must be possible.
    maxRecipients: integer({
      fallback: 100,
      min: 100,
      max: 10_000,
      help: 'Recipients of one message.',
      classic: 'session.rcpt.max-recipients',
    }),
    maxFailures: integer({
      fallback: 20,
      min: 1,
      help: 'Rejected recipients after which the session ends.',
      classic: 'session.rcpt.errors.total',
    }),
  },
})

const mtaStageData = settingsObject({
  name: 'MtaStageData',
  title: 'SMTP messages',
  help: 'Limits on messages, and what is added to them.',
  many: false,
  fields: {
    maxMessages: integer({
      fallback: 1000,
      min: 1,
      help: 'Messages in one session.',
      classic: 'session.data.limits.messages',
    }),
    // RFC 5321 §4.5.3.1.7
    maxMessageSize: size({
      fallback: 104_857_600,
      min: 65_536,
      help: 'The largest message.',
      classic: 'session.data.limits.size',
    }),
    maxReceivedHeaders: integer({
      fallback: 50,
      min: 1,
      help: 'A message with more Received fields goes in circles and is refused.',
      classic: 'session.data.limits.received-headers',
    }),
    maxHeaderSize: size({
      fallback: 262_144,
      min: 65_536,
      max: 4_194_304,
      help: 'The largest header of a message from another server or a user; each session may hold so much.',
    }),
    addAuthResultsHeader: boolean({
      fallback: true,
      help: 'Whether an Authentication-Results field tells what was found out about a message from outside.',
      classic: 'session.data.add-headers.auth-results',
    }),
    addReceivedSpfHeader: boolean({
      fallback: true,
      help: 'Whether a Received-SPF field tells what SPF says about a message from outside.',
      classic: 'session.data.add-headers.received-spf',
    }),
    addDeliveredToHeader: boolean({
      fallback: true,
      help: 'Whether a Delivered-To field tells which recipient a message was delivered to.',
      classic: 'session.data.add-headers.delivered-to',
    }),
  },
})

const mtaExtensions = settingsObject({
  name: 'MtaExtensions',
  title: 'SMTP extensions',
  help: 'What clients may ask for besides.',
  many: false,
  fields: {
    futureRelease: duration({
      fallback: 30 * 86_400_000,
      min: 60_000,
      max: 365 * 86_400_000,
      classic: 'session.extensions.future-release',
      help: 'How far ahead users may have their mail sent.',
    }),
  },
})

export const smtpSettings = [
  mtaInboundSession,
  mtaStageConnect,
  mtaStageAuth,
  mtaStageRcpt,
  mtaStageData,
  mtaExtensions,
  senderAuth,
] as const

/** All of them, as one session reads them. Times in milliseconds, sizes in bytes. */
export interface SmtpLimits {
  readonly greeting: string
  readonly idleTimeoutMs: number
  readonly maxDurationMs: number
  readonly maxErrors: number
  readonly maxUnknownCommands: number
  readonly maxLineBytes: number
  readonly maxAuthFailures: number
  readonly authFailureDelayMs: number
  readonly mustMatchSender: boolean
  readonly maxRecipients: number
  readonly maxRecipientFailures: number
  readonly maxMessages: number
  readonly maxMessageBytes: number
  readonly maxReceivedFields: number
  readonly maxHeaderBytes: number
  readonly addDeliveredTo: boolean
  readonly addAuthResults: boolean
  readonly addReceivedSpf: boolean
  readonly checks: SenderChecks
  readonly maxHoldMs: number
}

export function readLimits(settings: Pick<Settings, 'get'>): SmtpLimits {
  const session = settings.get(mtaInboundSession)
  const auth = settings.get(mtaStageAuth)
  const rcpt = settings.get(mtaStageRcpt)
  const data = settings.get(mtaStageData)
  return {
    greeting: settings.get(mtaStageConnect).smtpGreeting,
    idleTimeoutMs: session.timeout,
    maxDurationMs: session.maxDuration,
    maxErrors: session.maxErrors,
    maxUnknownCommands: session.maxUnknownCommands,
    maxLineBytes: session.maxLineLength,
    maxAuthFailures: auth.maxFailures,
    authFailureDelayMs: auth.waitOnFail,
    mustMatchSender: auth.mustMatchSender,
    maxRecipients: rcpt.maxRecipients,
    maxRecipientFailures: rcpt.maxFailures,
    maxMessages: data.maxMessages,
    maxMessageBytes: data.maxMessageSize,
    maxReceivedFields: data.maxReceivedHeaders,
    maxHeaderBytes: data.maxHeaderSize,
    addDeliveredTo: data.addDeliveredToHeader,
    addAuthResults: data.addAuthResultsHeader,
    addReceivedSpf: data.addReceivedSpfHeader,
    checks: settings.get(senderAuth),
    maxHoldMs: settings.get(mtaExtensions).futureRelease,
  }
}
