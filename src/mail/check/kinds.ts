/**
 * What the check of mail can find, in words for administrators. Names are stable: programs read them.
 */
import type { FindingKind } from '#kv/check.ts'

const addition = 'Clients that know the mailbox learn of it as of any change.'

const keptAnew = 'It is removed, and kept anew when somebody opens the mailbox.'

export const kinds = {
  rowUnreadable: {
    name: 'mail-row-unreadable',
    means: 'A row of the account cannot be read or makes no sense.',
    repair: 'It is removed; what it said is derived from the messages where that is possible.',
  },
  notProvisioned: {
    name: 'mailboxes-missing',
    means: 'The account has no mailboxes, so it cannot receive mail.',
    repair: 'It gets the mailboxes of a new account.',
  },
  countersUnreadable: {
    name: 'account-counters-missing',
    means:
      'The row with what the account uses and which numbers come next is missing or cannot be read: no mail can be stored.',
    repair: 'It is made again from the rows of the account.',
  },
  mailboxUnreadable: {
    name: 'mailbox-unreadable',
    means: 'The row of a mailbox cannot be read, so nothing in it is seen.',
    repair: 'The mailbox is made again under another name, with its messages and a new UIDVALIDITY.',
  },
  mailboxMissing: {
    name: 'entry-mailbox-missing',
    means: 'Messages are in a mailbox that does not exist, so nobody sees them.',
    repair: 'The mailbox is made again under another name, with a new UIDVALIDITY.',
  },
  inboxWrong: {
    name: 'inbox-wrong',
    means: 'The account has no Inbox, or not where it must be: mail cannot be delivered.',
    repair: 'The Inbox is put back.',
  },
  parentMissing: {
    name: 'mailbox-parent-missing',
    means: 'A mailbox lies in one that does not exist: clients may not show it.',
    repair: 'It is moved to the top.',
  },
  parentCycle: {
    name: 'mailbox-parent-cycle',
    means: 'Mailboxes lie in each other in a circle, or too deep: clients cannot show them.',
    repair: 'One of them is moved to the top.',
  },
  nameWrong: {
    name: 'mailbox-name-wrong',
    means: 'A mailbox has a name that none can have, or that of its neighbour: clients cannot open it.',
    repair: 'It gets another name.',
  },
  roleTwice: {
    name: 'mailbox-role-twice',
    means: 'Two mailboxes have one role, such as Sent: programs choose either.',
    repair: 'The older one keeps the role.',
  },
  uidValidityWrong: {
    name: 'mailbox-uidvalidity-wrong',
    means: 'The UIDVALIDITY of a mailbox is none, or that of another: clients may mix up their messages.',
    repair: 'The mailbox gets a new one; clients load it anew.',
  },
  messageUnreadable: {
    name: 'message-row-unreadable',
    means: 'The row of a message cannot be read: the message is not seen, its bytes may be there.',
    repair: 'The row is removed; where the bytes are known the message is made again, without flags.',
  },
  messageMissing: {
    name: 'message-row-missing',
    means: 'The row of a message is gone while its bytes are there: the message is not seen.',
    repair:
      'The message is made again from its bytes under a new UID; flags and the header fields that were added at delivery are lost.',
  },
  messageNowhere: {
    name: 'message-in-no-mailbox',
    means: 'A message is in no mailbox: nobody sees it and nobody can delete it.',
    repair: `It is put into the Inbox. ${addition}`,
  },
  messageLost: {
    name: 'message-lost',
    means: 'Of a message neither the bytes nor what was known about them is left: nothing can be shown.',
    repair: 'It is expunged from its mailboxes.',
  },
  bytesGone: {
    name: 'message-bytes-gone',
    means: 'The bytes of a message are gone: lists show it, opening it fails.',
    repair: 'The segments are searched for the bytes; where they are not, the message stays as it is.',
  },
  bytesDamaged: {
    name: 'message-bytes-damaged',
    means: 'The bytes of a message are damaged: lists show it, opening it fails. A backup may have it.',
  },
  linkMissing: {
    name: 'blob-link-missing',
    means: 'The bytes of a message are not protected from being swept.',
    repair: 'The link is written anew.',
  },
  sizeWrong: {
    name: 'message-size-wrong',
    means: 'A message has another size than its row says.',
    repair: 'The row is put right.',
  },
  structureMissing: {
    name: 'structure-missing',
    means: 'What was computed about a message (its parts, its envelope) is missing: clients cannot show it.',
    repair: 'It is computed anew from the bytes.',
  },
  structureWrong: {
    name: 'structure-wrong',
    means:
      'What is stored about the parts of a message is not what its bytes say: clients show the wrong thing.',
    repair: 'It is computed anew from the bytes.',
  },
  structureOrphan: {
    name: 'structure-orphan',
    means: 'Something is stored about a message that does not exist. It takes a little room.',
    repair: 'It is removed.',
  },
  keywordsWrong: {
    name: 'keywords-wrong',
    means: 'A message has flags that are not in order or that none can have.',
    repair: 'The flags that make sense are kept.',
  },
  threadKeysWrong: {
    name: 'thread-keys-wrong',
    means: 'Answers to a message will not be found to belong to it.',
    repair: 'They are computed anew from the bytes.',
  },
  modseqWrong: {
    name: 'modseq-wrong',
    means: 'An entry has a change number that no change can have: clients cannot tell whether it is new.',
    repair: 'It counts as changed now.',
  },
  entryMissing: {
    name: 'entry-missing',
    means: 'A message is in a mailbox and its list does not show it.',
    repair: `The list is completed from the message. ${addition}`,
  },
  entryOrphan: {
    name: 'entry-orphan',
    means: 'The list of a mailbox shows a message that does not exist or is not in it.',
    repair: 'The entry is expunged, and clients are told.',
  },
  uidTwice: {
    name: 'uid-twice',
    means: 'Two messages have one UID in a mailbox, or one has none: clients show one for the other.',
    repair: 'One of them gets a new UID and the mailbox a new UIDVALIDITY, so that clients load it anew.',
  },
  uidReused: {
    name: 'uid-reused',
    means: 'A UID that was expunged is used again: clients may show an old message for a new one.',
    repair: 'The mailbox gets a new UIDVALIDITY, so that clients load it anew.',
  },
  uidNextTooLow: {
    name: 'uidnext-too-low',
    means: 'The next message would get a UID that was used already.',
    repair: 'UIDNEXT is raised.',
  },
  mailboxCounts: {
    name: 'mailbox-counters-wrong',
    means:
      'The numbers of messages, unseen or deleted ones, or the size of a mailbox are not what a recount gives.',
    repair: 'They are set to the recount.',
  },
  mailboxModseq: {
    name: 'mailbox-modseq-too-low',
    means: 'The last change number of a mailbox is below that of something in it: clients miss changes.',
    repair: 'It is raised.',
  },
  accountCounts: {
    name: 'account-counters-wrong',
    means: 'What the account is said to use is not what a recount gives: its quota is wrong.',
    repair: 'It is set to the recount.',
  },
  nextIdTooLow: {
    name: 'next-id-too-low',
    means: 'A new message or mailbox would get the number of one that exists or existed.',
    repair: 'The next number is raised.',
  },
  threadWrong: {
    name: 'thread-wrong',
    means: 'A conversation lacks messages, lists messages that are not part of it, or cannot be read.',
    repair: 'It is made again from its messages.',
  },
  threadKeyDangling: {
    name: 'thread-key-dangling',
    means: 'Something leads to a conversation that does not exist.',
    repair: 'It is removed.',
  },
  uploadLost: {
    name: 'upload-lost',
    means: 'The bytes of something that a program has just uploaded are gone, or its row cannot be read.',
    repair: 'It is removed; programs upload again what they still need.',
  },
  uploadLinkMissing: {
    name: 'upload-link-missing',
    means: 'The bytes of an upload are not held for it, and may be swept before it is used.',
    repair: 'The link is written anew.',
  },
  grantsWrong: {
    name: 'mailbox-rights-wrong',
    means: 'What is stored about the rights on a mailbox makes no sense in part.',
    repair: 'What makes sense is kept.',
  },
  grantDangling: {
    name: 'mailbox-rights-dangling',
    means: 'A mailbox is shared with an account that does not exist.',
    repair: 'The rights of that account are removed.',
  },
  shareMissing: {
    name: 'share-missing',
    means: 'Somebody has rights on a mailbox and it is not in the list of what is shared with them.',
    repair: 'It is entered.',
  },
  shareDangling: {
    name: 'share-dangling',
    means: 'The list of what is shared with somebody names a mailbox that is not.',
    repair: 'It is removed from the list.',
  },
  columnsUnreadable: {
    name: 'kept-columns-unreadable',
    means: 'What is kept of a mailbox to open it quickly cannot be read: opening it takes longer.',
    repair: keptAnew,
  },
  columnsOrphan: {
    name: 'kept-columns-orphan',
    means: 'Something is kept of a mailbox that does not exist. It takes a little room.',
    repair: 'It is removed.',
  },
  columnsWrong: {
    name: 'kept-columns-wrong',
    means: 'What is kept of a mailbox to open it quickly is not what its messages say: clients see that.',
    repair: keptAnew,
  },
} as const satisfies Record<string, FindingKind>
