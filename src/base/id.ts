/**
 * Branded identifiers and the few mail words that the storage layers know.
 *
 * Every id is a plain number or string at run time; the brand only stops one kind of id from being
 * passed where another is due. Ids are unique within their account unless the comment says otherwise.
 */

declare const brand: unique symbol
export type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** Unique in the whole store, 1..2^32-1, never reused. */
export type AccountId = Branded<number, 'AccountId'>
/** Unique in its account, 1..2^32-1, never reused. */
export type MailboxId = Branded<number, 'MailboxId'>
/** A stored message (JMAP Email, IMAP EMAILID): unique in its account, below 2^48, never reused. */
export type MessageId = Branded<number, 'MessageId'>
/** Unique in its account, below 2^48: the id of the message that began the thread. */
export type ThreadId = Branded<number, 'ThreadId'>
/** IMAP unique identifier: strictly ascending in its mailbox, 1..2^32-1 (RFC 9051 §2.3.1.1). */
export type Uid = Branded<number, 'Uid'>
/** Position in an account's sequence of commits: IMAP MODSEQ, JMAP state and DAV sync-token in one. */
export type Modseq = Branded<number, 'Modseq'>
/** SHA-256 of a blob's content: 64 lower-case hex digits. */
export type BlobHash = Branded<string, 'BlobHash'>
/** What a JMAP client is given as state: the modseq in base 36. Opaque to everybody but `kv/change-log.ts`. */
export type State = Branded<string, 'State'>

/**
 * The kinds of object that the change log tells apart. Codes are on disk: append only. Subscriptions are those that
 * no own mailbox carries, annotations those of the server: of both it says only that there is a change, of id 0.
 */
export const dataTypes = [
  'Mailbox',
  'Email',
  'Thread',
  'EmailSubmission',
  'Identity',
  'Subscription',
  'Annotation',
  'ShareNotification',
] as const
export type DataType = (typeof dataTypes)[number]
