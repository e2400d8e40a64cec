/** Limits of IMAP sessions. */
import { isFault } from '#base/fault.ts'
import { checkMailboxName } from '#mail/mailbox-path.ts'
import { boolean, duration, integer, size, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

const nameAllowed = 'a name for a folder, without "/", "*" and "%", other than INBOX'

function namespaceName(given: string): string | undefined {
  const name = given.normalize('NFC')
  try {
    checkMailboxName(name)
  } catch (error) {
    if (isFault(error)) return undefined
    throw error
  }
  return /[*%]/.test(name) || name.toLowerCase() === 'inbox' ? undefined : name
}

/** RFC 5464 §3.2.1.1: a URI. */
const contact = (given: string): string | undefined =>
  /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(given) ? given : undefined

/** As many messages as a mailbox can have. */
export const noLimit = 0xffff_ffff

export const imapSettings = settingsObject({
  name: 'Imap',
  title: 'IMAP',
  help: 'Limits and time-outs of IMAP sessions.',
  many: false,
  fields: {
    adminContact: text({
      fallback: undefined,
      allowed: 'a URI such as "mailto:postmaster@example.org"',
      longest: 1000,
      normalise: contact,
      help: 'How users reach the administrator: mail programs can ask for it (METADATA, /shared/admin).',
    }),
    allowCompression: boolean({
      fallback: true,
      help: 'Whether clients that have signed in may compress what is sent (COMPRESS). Costs the server time, and memory for each such connection.',
    }),
    allowLargeLiterals: boolean({
      fallback: true,
      help: 'Whether clients may upload messages without waiting until they are asked (LITERAL+); else only strings up to 4096 bytes (LITERAL-), so that what is too large is not sent in vain.',
    }),
    allowPlainTextAuth: boolean({
      fallback: false,
      classic: 'imap.auth.allow-plain-text',
      help: 'Whether clients may send their password over a connection without TLS.',
    }),
    allowUnauthenticate: boolean({
      fallback: true,
      help: 'Whether clients may sign out and in again, as somebody else, on one connection (UNAUTHENTICATE). To be forbidden where a proxy checks sign-ins and then passes everything on.',
    }),
    maxAnnotations: integer({
      fallback: 100,
      min: 10,
      max: 1000,
      help: 'Annotations of one mailbox (METADATA): so many that all see, and as many of every user.',
    }),
    maxAnnotationSize: size({
      fallback: 64 * 1024,
      min: 1024,
      max: 256 * 1024,
      help: 'The largest annotation of a mailbox (METADATA).',
    }),
    maxAnnotationsSize: size({
      fallback: 5 * 1024 * 1024,
      min: 64 * 1024,
      max: 100 * 1024 * 1024,
      help: 'What all annotations of one account may take.',
    }),
    maxAuthFailures: integer({
      fallback: 3,
      min: 1,
      classic: 'imap.auth.max-failures',
      help: 'Failed sign-ins after which a connection is closed.',
    }),
    maxBadCommands: integer({
      fallback: 20,
      min: 1,
      help: 'Commands one after the other that cannot be understood, after which a connection is closed.',
    }),
    maxCommandSize: size({
      fallback: 512 * 1024,
      min: 64 * 1024,
      max: 16 * 1024 * 1024,
      help: 'The largest command with its strings, but for the messages that it brings.',
    }),
    maxConcurrent: integer({
      fallback: 1000,
      min: 1,
      classic: 'imap.rate-limit.concurrent',
      help: 'How many connections of one account may be signed in at once.',
    }),
    maxLineSize: size({
      fallback: 64 * 1024,
      min: 8 * 1024,
      max: 1024 * 1024,
      help: 'The longest line of a command, without the strings that follow it.',
    }),
    maxMessagesPerCommand: integer({
      fallback: 1_000_000,
      min: 1000,
      max: noLimit,
      help: 'With how many messages one FETCH, SEARCH, STORE, MOVE or UID EXPUNGE may have to do (MESSAGELIMIT): of more, only the last are done, which mail programs that do not know the limit take for all. At 4294967295 there is no limit.',
    }),
    maxMessagesPerSave: integer({
      fallback: 100_000,
      min: 1000,
      help: 'How many messages one COPY or APPEND may bring (SAVELIMIT). They come with one commit, all or none, so that very many hold up everybody else.',
    }),
    maxNotifyGroups: integer({
      fallback: 100,
      min: 1,
      max: 1000,
      help: 'Groups of events that one session may ask for (NOTIFY).',
    }),
    maxNotifyMailboxes: integer({
      fallback: 10_000,
      min: 1,
      max: 100_000,
      help: 'Mailboxes among which one session may ask to be told of events (NOTIFY): all of its user, and those of others that it asks for. With more it is not told.',
    }),
    maxRequestSize: size({
      fallback: 50 * 1024 * 1024,
      min: 1024,
      classic: 'imap.request.max-size',
      help: 'The largest message that a client can append.',
    }),
    maxSearchContexts: integer({
      fallback: 10,
      min: 1,
      max: 100,
      help: 'Searches of one session whose results are kept up to date (CONTEXT=SEARCH).',
    }),
    maxSearchMailboxes: integer({
      fallback: 1000,
      min: 1,
      max: 100_000,
      help: 'Mailboxes that one command may search (MULTISEARCH).',
    }),
    maxThreadIds: integer({
      fallback: 1_000_000,
      min: 1000,
      max: 10_000_000,
      help: 'What one command may arrange in threads: messages, and others that they refer to (THREAD=REFERENCES).',
    }),
    maxUidBatches: integer({
      fallback: 10_000,
      min: 200,
      help: 'How many ranges of UIDs one UIDBATCHES may ask for.',
    }),
    minUidBatchSize: integer({
      fallback: 500,
      min: 1,
      max: 500,
      help: 'How many messages a client must ask for in each range of UIDBATCHES.',
    }),
    otherUsersName: text({
      fallback: 'Other Users',
      allowed: nameAllowed,
      normalise: namespaceName,
      help: 'The folder in which mail programs show what other users share.',
    }),
    progressInterval: duration({
      fallback: 12_000,
      min: 1000,
      help: 'How often a client is told how far a command is that takes long (INPROGRESS).',
    }),
    sharedFoldersName: text({
      fallback: 'Shared Folders',
      allowed: nameAllowed,
      normalise: namespaceName,
      help: 'The folder in which mail programs show the mailboxes of groups.',
    }),
    timeoutAnonymous: duration({
      fallback: 60_000,
      min: 1000,
      classic: 'imap.timeout.anonymous',
      help: 'How long a client that has not signed in may be silent.',
    }),
    timeoutAuthenticated: duration({
      fallback: 1_800_000,
      min: 1000,
      classic: 'imap.timeout.authenticated',
      help: 'How long a client that has signed in may be silent.',
    }),
    timeoutIdle: duration({
      fallback: 1_800_000,
      min: 1000,
      classic: 'imap.timeout.idle',
      help: 'How long a client may stay in IDLE.',
    }),
  },
})
