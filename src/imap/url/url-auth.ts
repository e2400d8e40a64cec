/**
 * URLs that a user has authorised others to read (RFC 4467): what they say, their tokens, and what they lead to.
 *
 * A token is an HMAC over the URL as it is written, with the user's access key for the mailbox. It proves that the
 * user made the URL and grants no more than the user may read now. Whatever is wrong with a URL, nobody learns what.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { readAccessKey } from '#mail/access-key.ts'
import { placeOf, type MailboxRef } from '../namespace/mailbox-ref.ts'
import { Mailboxes } from '../namespace/mailboxes.ts'
import { maxUrlBytes, type MessageUrl, parseMessageUrl, readSource } from './message-url.ts'
import type { MessageSource } from '../fetch/section-bytes.ts'
import type { ImapSession } from '../session/session.ts'

/** Who may read what users have authorised for submission. */
const submitters = 'imapUrlSubmit'

const form =
  /^imap:\/\/(?:([^@/;]+)(?:;AUTH=[^@/;]+)?@)?[^@/;]+(\/.+?)(?:;EXPIRE=([^;]+))?(?:;URLAUTH=(submit\+[^:;/]+|user\+[^:;/]+|authuser|anonymous))?$/i
/** With the longest token that could be meant. */
const longest = maxUrlBytes + 200
const token = /:([a-z0-9.-]+):([0-9a-f]{32,})$/i
/** RFC 3339, date-time. */
const dateTime = /^\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d(?:\.\d+)?(?:z|[+-]\d\d:\d\d)$/i
/** Of the way in which tokens are made; stands at their beginning (RFC 4467 §2.4.1). */
const algorithm = '01'

export interface RumpUrl {
  readonly text: string
  /** The name of the user whose key it is; undefined where none is given. */
  readonly owner: string | undefined
  readonly message: MessageUrl & { readonly path: string }
  readonly expiresAt: number
  /** In lower case but for the name; undefined where it is not given. */
  readonly access: string | undefined
}

/** A URL without its token. Undefined where the text is none that leads to a message or a part of one. */
export function parseRump(text: string): RumpUrl | undefined {
  const found = text.length > maxUrlBytes ? null : form.exec(text)
  if (found === null) return undefined
  const [, user, path, expire, access] = found
  const message = parseMessageUrl(path!)
  const expiresAt = expire === undefined ? Infinity : dateTime.test(expire) ? Date.parse(expire) : NaN
  if (message?.path === undefined || Number.isNaN(expiresAt)) return undefined
  const owner = user === undefined ? undefined : nameOf(user)
  if (user !== undefined && owner === undefined) return undefined
  return { text, owner, message: { ...message, path: message.path }, expiresAt, access }
}

function nameOf(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** `:<mech>:<token>` for a URL. */
export const authorise = (key: Uint8Array, { text }: RumpUrl): string => `:internal:${tokenOf(key, text)}`

const tokenOf = (key: Uint8Array, rump: string): string =>
  algorithm + createHmac('sha256', key).update(rump, 'latin1').digest('hex')

/** The mailbox of a URL as its owner sees it; undefined where there is none that the owner may read. */
export async function mailboxOf(
  { services, id, mailboxes }: ImapSession,
  owner: AccountId,
  { message: { path, uidValidity } }: RumpUrl,
): Promise<MailboxRef | undefined> {
  const reachable = owner === mailboxes.account ? mailboxes : new Mailboxes(services, owner, id)
  try {
    const ref = await reachable.open(path, 'r')
    return uidValidity === undefined || uidValidity === ref.mailbox.uidValidity ? ref : undefined
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

/** A message, and the URL of it or of a part. */
export interface Readable {
  readonly source: MessageSource
  readonly url: MessageUrl
}

/** What an authorised URL leads to for this session; undefined where that is nothing. */
export async function findAuthorised(session: ImapSession, text: string): Promise<Readable | undefined> {
  const { services } = session
  const [whole, mechanism, given] = (text.length > longest ? null : token.exec(text)) ?? []
  const rump = whole === undefined ? undefined : parseRump(text.slice(0, -whole.length))
  if (rump?.owner === undefined || rump.access === undefined) return undefined
  const owner = await services.principals.byName(rump.owner)
  const ref = owner && (await mailboxOf(session, owner.id, rump))
  const key = ref && (await services.db.read((tx) => readAccessKey(tx, owner.id, placeOf(ref))))
  // RFC 4467 §6: what is not there takes as long as what is.
  const isMade = isSame(given!, tokenOf(key ?? randomBytes(32), rump.text))
  if (
    owner === undefined ||
    ref === undefined ||
    key === undefined ||
    !isMade ||
    mechanism!.toLowerCase() !== 'internal'
  )
    return undefined
  if (services.clock.now() > rump.expiresAt || !(await mayRead(session, rump.access))) return undefined
  // Whoever may read nothing any more shows nothing.
  if ((await services.accessOf(owner.id))?.permissions.has('imapFetch') !== true) return undefined
  const source = await readSource(services, placeOf(ref), rump.message.uid)
  return source && { source, url: rump.message }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given.toLowerCase()), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** RFC 4467 §3 */
async function mayRead({ access, services }: ImapSession, written: string): Promise<boolean> {
  const kind = /^[a-z]+/i.exec(written)![0]
  switch (kind.toLowerCase()) {
    case 'submit':
      return access?.permissions.has(submitters) === true
    case 'user': {
      const name = nameOf(written.slice('user+'.length))
      const user = name === undefined ? undefined : await services.principals.byName(name)
      return user !== undefined && user.id === access?.account
    }
    default:
      // Whoever can ask has signed in.
      return true
  }
}
