/**
 * The tables of mail. All but two are rows of an account: a delivery writes a message, its structure, an entry, the
 * mailbox, the counters and its thread keys, all on few neighbouring pages.
 *
 * Letters in use: `m` messages (kind 0) and their structures (kind 1), `e` entries, `b` mailboxes, `n` counters,
 * `t` thread keys (kind 0) and threads (kind 1), `s` subscriptions to names without a mailbox, `u` to mailboxes
 * of others, `a` shared and `p` private annotations, `N` notifications of what is shared, `g` the groups of before. Among the rows of the whole
 * store `h` is the index of shared mailboxes, `i` has the annotations of the server, and `C` the columns that are
 * kept of mailboxes.
 */
import { asBuffer } from '#base/bytes.ts'
import type { AccountId, MailboxId, MessageId, ThreadId, Uid } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import { nothing, rawBytes, uint } from '#kv/codec.ts'
import { hex, text, u32, u48 } from '#kv/key.ts'
import { accountTable, type Codec, globalTable } from '#kv/table.ts'
import { mailboxRowCodec } from './mailbox-row.ts'
import { messageRowCodec } from './message-row.ts'

export const messageTable = accountTable({
  name: 'message',
  letter: 'm',
  key: [u48<MessageId>()],
  kind: 0,
  value: messageRowCodec,
})

/** The same rows as they are stored, for `summaryOf`. */
export const storedMessageTable = accountTable({
  name: 'message',
  letter: 'm',
  key: [u48<MessageId>()],
  kind: 0,
  value: rawBytes,
})

/** What `encodeStructure` of message/ made; its offsets run over prefix and blob together. */
export const structureTable = accountTable({
  name: 'structure',
  letter: 'm',
  key: [u48<MessageId>()],
  kind: 1,
  value: rawBytes,
})

/** The IMAP order of a mailbox. Each row repeats an entry of its message's row. */
export const entryTable = accountTable({
  name: 'entry',
  letter: 'e',
  key: [u32<MailboxId>(), u32<Uid>()],
  value: uint<MessageId>(),
})

export const mailboxTable = accountTable({
  name: 'mailbox',
  letter: 'b',
  key: [u32<MailboxId>()],
  value: mailboxRowCodec,
})

/** One row an account. Absent while the account has no mail at all: it was not provisioned. */
export interface MailCounters {
  readonly nextMessage: MessageId
  readonly nextMailbox: MailboxId
  /** UIDVALIDITY of the mailbox created last; rises with each, so that no name ever sees one again. */
  readonly uidValidity: number
  /** Sizes of all messages, each counted once however many entries it has: what a quota limits. */
  readonly usedBytes: number
  readonly messages: number
  /** The mailbox with that role, 0 for none: JMAP counts what is in it apart. */
  readonly trash: MailboxId | 0
}

const countersCodec: Codec<MailCounters> = {
  encode: (row) =>
    new PackWriter(32)
      .uint(row.nextMessage)
      .uint(row.nextMailbox)
      .uint(row.uidValidity)
      .uint(row.usedBytes)
      .uint(row.messages)
      .uint(row.trash)
      .done(),
  decode(bytes) {
    const from = new PackReader(bytes)
    return {
      nextMessage: from.uint() as MessageId,
      nextMailbox: from.uint() as MailboxId,
      uidValidity: from.uint(),
      usedBytes: from.uint(),
      messages: from.uint(),
      // Older rows end here; what is wrong then is told by the check of the store.
      trash: from.left === 0 ? 0 : (from.uint() as MailboxId | 0),
    }
  },
}

export const countersTable = accountTable({
  name: 'mail-counters',
  letter: 'n',
  key: [],
  value: countersCodec,
})

/** A message identifier together with a base subject, as eight bytes in hex: see `thread.ts`. */
export const threadKeyTable = accountTable({
  name: 'thread-key',
  letter: 't',
  key: [hex(8)],
  kind: 0,
  value: uint<ThreadId>(),
})

/** Only for a thread that is more than the one message whose id it has. */
export interface ThreadRow {
  /** Ascending, at least one. */
  readonly messages: readonly MessageId[]
  /** The rows of `threadKeyTable` that go with the thread: eight bytes each. */
  readonly keys: Uint8Array
}

const threadCodec: Codec<ThreadRow> = {
  encode: (row) =>
    new PackWriter(16 + 4 * row.messages.length + row.keys.length)
      .ascending(row.messages)
      .bytes(row.keys)
      .done(),
  decode(bytes) {
    const from = new PackReader(bytes)
    return { messages: from.ascending() as MessageId[], keys: from.bytes() }
  },
}

export const threadTable = accountTable({
  name: 'thread',
  letter: 't',
  key: [u48<ThreadId>()],
  kind: 1,
  value: threadCodec,
})

const pathCodec: Codec<string> = {
  encode: (path) => Buffer.from(path, 'utf8'),
  decode: (bytes) => asBuffer(bytes).toString('utf8'),
}

/** A path that is subscribed to while no mailbox has it, by the beginning of its SHA-256 (RFC 9051 §6.3.7). */
export const lostSubscriptionTable = accountTable({
  name: 'lost-subscription',
  letter: 's',
  key: [hex(16)],
  value: pathCodec,
})

/** A mailbox of another account that is subscribed to, with the path that it had then. */
export const foreignSubscriptionTable = accountTable({
  name: 'foreign-subscription',
  letter: 'u',
  key: [u32<AccountId>(), u32<MailboxId>()],
  value: pathCodec,
})

/**
 * Which mailboxes of others have an entry for somebody, so that they are found without looking at everybody's:
 * grantee, owner, mailbox. Follows from the grants in the rows of mailboxes.
 */
export const shareTable = globalTable({
  name: 'share',
  letter: 'h',
  key: [u32<AccountId>(), u32<AccountId>(), u32<MailboxId>()],
  value: nothing,
})

/** What all who may see of a mailbox: by the name behind `/shared`. */
export const sharedAnnotationTable = accountTable({
  name: 'shared-annotation',
  letter: 'a',
  key: [u32<MailboxId>(), text()],
  value: rawBytes,
})

/** What the account notes about a mailbox, which may be another's, or, under zeros, about the server. */
export const privateAnnotationTable = accountTable({
  name: 'private-annotation',
  letter: 'p',
  key: [u32<AccountId>(), u32<MailboxId>(), text()],
  value: rawBytes,
})

/** The account's secret for a mailbox, which may be another's: see `access-key.ts`. */
export const accessKeyTable = accountTable({
  name: 'access-key',
  letter: 'K',
  key: [u32<AccountId>(), u32<MailboxId>()],
  value: rawBytes,
})

/**
 * None above it was given to a mailbox of an account that is gone: one that comes again under its name has others, also
 * where the clock went back (RFC 9051 §2.3.1.1).
 */
export const lastUidValidityTable = globalTable({
  name: 'last-uid-validity',
  letter: 'X',
  key: [],
  value: uint(),
})

/** What all see of the server. */
export const serverAnnotationTable = globalTable({
  name: 'server-annotation',
  letter: 'i',
  key: [text()],
  value: rawBytes,
})

/**
 * The columns of a mailbox, part by part: see `kept-columns.ts`. No row of the account's, or keeping them would
 * raise its sequence while nothing in it changes.
 */
export const keptColumnsTable = globalTable({
  name: 'kept-columns',
  letter: 'C',
  key: [u32<AccountId>(), u32<MailboxId>(), u32()],
  value: rawBytes,
})
