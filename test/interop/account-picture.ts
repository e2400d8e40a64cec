/**
 * An account as each of its two protocols shows it: IMAP, read by imapflow, and JMAP. The first is computed into what
 * JMAP has to say of it (RFC 8621 §2, §3, §4.1.1), so that the two can be compared as they are.
 */
import assert from 'node:assert/strict'
import type { FetchMessageObject, ImapFlow, ListResponse } from 'imapflow'
import type { JmapConnection, Json } from './jmap-request.ts'

export interface Picture {
  /** By id, in each case. */
  readonly mailboxes: Readonly<Record<string, MailboxPicture>>
  readonly emails: Readonly<Record<string, EmailPicture>>
  readonly threads: Readonly<Record<string, readonly string[]>>
}

export interface MailboxPicture {
  readonly path: string
  readonly mayRead: boolean
  readonly isSubscribed: boolean
  readonly totalEmails: number
  readonly unreadEmails: number
  readonly totalThreads: number
  readonly unreadThreads: number
}

export interface EmailPicture {
  readonly threadId: string
  readonly mailboxIds: readonly string[]
  readonly keywords: readonly string[]
  readonly size: number
  /** Whole seconds, which is all that IMAP tells. */
  readonly receivedAt: number
}

const systemKeywords: Readonly<Record<string, string>> = {
  '\\Seen': '$seen',
  '\\Flagged': '$flagged',
  '\\Answered': '$answered',
  '\\Draft': '$draft',
}
/** These say something of an entry in a mailbox, not of the message. */
const entryFlags: ReadonlySet<string> = new Set(['\\Deleted', '\\Recent'])

const keywordsOf = (flags: Iterable<string>): readonly string[] =>
  [...flags]
    .filter((flag) => !entryFlags.has(flag))
    .map((flag) => systemKeywords[flag] ?? flag.toLowerCase())
    .toSorted()

const seconds = (time: Date | string): number => Math.floor(new Date(time).getTime() / 1000)

/** Those that are there: what is subscribed and gone is listed too. */
export async function listMailboxes(client: ImapFlow): Promise<readonly ListResponse[]> {
  return (await client.list()).filter(({ flags }) => !flags.has('\\NonExistent'))
}

interface ImapMailbox {
  readonly id: string
  readonly path: string
  readonly isSubscribed: boolean
  readonly isTrash: boolean
  readonly messages: readonly FetchMessageObject[]
}

/**
 * Of the mailboxes whose paths begin so: those of somebody else lie below a prefix. Mailboxes that may not be opened
 * are left out.
 */
export async function pictureByImap(client: ImapFlow, prefix = ''): Promise<Picture> {
  const mailboxes: ImapMailbox[] = []
  for (const { path, subscribed, specialUse } of await listMailboxes(client)) {
    if (!path.startsWith(prefix)) continue
    const opened = await client.mailboxOpen(path, { readOnly: true }).catch(undefinedForNo)
    if (opened === undefined) continue
    const items = { uid: true, flags: true, size: true, internalDate: true, threadId: true } as const
    mailboxes.push({
      id: opened.mailboxId!,
      path,
      isSubscribed: subscribed === true,
      isTrash: specialUse === '\\Trash',
      messages: opened.exists === 0 ? [] : await client.fetchAll('1:*', items),
    })
  }
  // A mailbox that is deleted takes those with it who have it selected.
  await client.mailboxOpen('INBOX', { readOnly: true })
  return computed(mailboxes)
}

function undefinedForNo(error: unknown): undefined {
  if ((error as { responseStatus?: string }).responseStatus !== 'NO') throw error
}

/**
 * What a guest is shown alike by both: mailboxes that may be read, without their paths, which need those above, and
 * without what is subscribed to. What is unread elsewhere and not for the guest is counted nowhere.
 */
export function guestPicture({ mailboxes, emails, threads }: Picture): object {
  const readable = Object.entries(mailboxes).filter(([, { mayRead }]) => mayRead)
  const counted = readable.map(([id, { totalEmails, unreadEmails, totalThreads }]) => [
    id,
    { totalEmails, unreadEmails, totalThreads },
  ])
  return { mailboxes: Object.fromEntries(counted) as object, emails, threads }
}

function computed(mailboxes: readonly ImapMailbox[]): Picture {
  const emails: Record<string, EmailPicture> = {}
  for (const { id, messages } of mailboxes) {
    for (const { emailId, threadId, flags, size, internalDate } of messages) {
      // RFC 8621 §4.1.1: an entry with \Deleted is in no mailbox.
      if (flags!.has('\\Deleted')) continue
      const email: EmailPicture = {
        threadId: threadId!,
        mailboxIds: [...new Set([...(emails[emailId!]?.mailboxIds ?? []), id])].toSorted(),
        keywords: keywordsOf(flags!),
        size: size!,
        receivedAt: seconds(internalDate!),
      }
      const before = emails[emailId!]
      const { mailboxIds: _, ...same } = email
      // What a message is said to be is the same wherever it lies.
      if (before !== undefined && JSON.stringify({ ...before, ...same }) !== JSON.stringify(before))
        throw new Error(`${emailId}: ${JSON.stringify(before)} and ${JSON.stringify(email)}`)
      emails[emailId!] = email
    }
  }
  const trash = mailboxes.find(({ isTrash }) => isTrash)?.id
  return {
    mailboxes: Object.fromEntries(
      mailboxes.map(({ id, path, isSubscribed }) => [
        id,
        { path, mayRead: true, isSubscribed, ...counts(id, trash, Object.values(emails)) },
      ]),
    ),
    emails,
    threads: threadsOf(emails),
  }
}

/** RFC 8621 §3: by the time they were received; two of one second are compared as sets, as IMAP tells no more. */
function threadsOf(emails: Picture['emails']): Picture['threads'] {
  const threads: Record<string, string[]> = {}
  for (const [id, { threadId }] of Object.entries(emails)) (threads[threadId] ??= []).push(id)
  for (const ids of Object.values(threads)) ids.sort(byTime(emails))
  return threads
}

const byTime =
  (emails: Picture['emails']) =>
  (a: string, b: string): number =>
    (emails[a]?.receivedAt ?? 0) - (emails[b]?.receivedAt ?? 0) || (a < b ? -1 : 1)

/** RFC 8621 §2, with what it says of the trash. */
function counts(
  mailbox: string,
  trash: string | undefined,
  all: readonly EmailPicture[],
): Omit<MailboxPicture, 'path' | 'mayRead' | 'isSubscribed'> {
  const inside = all.filter(({ mailboxIds }) => mailboxIds.includes(mailbox))
  const isUnread = ({ keywords }: EmailPicture): boolean =>
    !keywords.includes('$seen') && !keywords.includes('$draft')
  const isShown = ({ mailboxIds }: EmailPicture): boolean =>
    mailbox === trash ? mailboxIds.includes(mailbox) : mailboxIds.some((id) => id !== trash)
  const unread = new Set(all.filter((email) => isShown(email) && isUnread(email)).map((one) => one.threadId))
  const threads = new Set(inside.map(({ threadId }) => threadId))
  return {
    totalEmails: inside.length,
    unreadEmails: inside.filter(isUnread).length,
    totalThreads: threads.size,
    unreadThreads: [...threads].filter((thread) => unread.has(thread)).length,
  }
}

interface JmapMailbox extends Omit<MailboxPicture, 'path' | 'mayRead'> {
  readonly myRights: { readonly mayReadItems: boolean }
  readonly id: string
  readonly name: string
  readonly role: string | null
  readonly parentId: string | null
}

type JmapEmail = Readonly<Record<'id' | 'threadId' | 'receivedAt', string>> & {
  readonly mailboxIds: object
  readonly keywords: object
  readonly size: number
}

export async function pictureByJmap(client: JmapConnection): Promise<Picture> {
  const ref = (resultOf: string, name: string, path: string): Json => ({ resultOf, name, path })
  const [mailboxes, query, emails, threads] = (await client.ask(
    ['Mailbox/get', { ids: null }],
    ['Email/query', { limit: 500 }],
    [
      'Email/get',
      {
        '#ids': ref('c1', 'Email/query', '/ids'),
        properties: ['threadId', 'mailboxIds', 'keywords', 'size', 'receivedAt'],
      },
    ],
    ['Thread/get', { '#ids': ref('c2', 'Email/get', '/list/*/threadId') }],
  )) as readonly { readonly list: readonly unknown[]; readonly ids: readonly string[] }[]
  // What a query finds is there.
  assert.equal(emails!.list.length, query!.ids.length)
  const all = mailboxes!.list as readonly JmapMailbox[]
  const shown = Object.fromEntries(
    (emails!.list as readonly JmapEmail[]).map((email) => [
      email.id,
      {
        threadId: email.threadId,
        mailboxIds: Object.keys(email.mailboxIds).toSorted(),
        keywords: Object.keys(email.keywords).toSorted(),
        size: email.size,
        receivedAt: seconds(email.receivedAt),
      },
    ]),
  )
  return {
    mailboxes: Object.fromEntries(all.map((mailbox) => [mailbox.id, mailboxPicture(mailbox, all)])),
    emails: shown,
    threads: Object.fromEntries(
      (threads!.list as readonly { id: string; emailIds: readonly string[] }[]).map(({ id, emailIds }) => [
        id,
        emailIds.toSorted(byTime(shown)),
      ]),
    ),
  }
}

function mailboxPicture(mailbox: JmapMailbox, all: readonly JmapMailbox[]): MailboxPicture {
  const { isSubscribed, totalEmails, unreadEmails, totalThreads, unreadThreads } = mailbox
  const path = pathOf(mailbox, all)
  const mayRead = mailbox.myRights.mayReadItems
  return { path, mayRead, isSubscribed, totalEmails, unreadEmails, totalThreads, unreadThreads }
}

function pathOf({ name, role, parentId }: JmapMailbox, all: readonly JmapMailbox[]): string {
  if (role === 'inbox') return 'INBOX'
  if (parentId === null) return name
  return `${pathOf(
    all.find(({ id }) => id === parentId)!,
    all,
  )}/${name}`
}
