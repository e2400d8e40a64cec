/**
 * URLs of messages and their parts (RFC 5092), as far as they lead to something in this session: relative ones
 * (RFC 4469 §3), with an absolute path or, for a message of the selected mailbox, with none.
 *
 * Names of mailboxes in URLs are UTF-8 whatever the session has enabled (RFC 5092 §8). A message that is not
 * there, or that the user may not read, is `undefined` like a URL that is none: who asks learns no more.
 */
import { normalized } from '#base/normalize.ts'
import { Fault } from '#base/fault.ts'
import type { Uid } from '#base/id.ts'
import type { Place } from '#mail/mailbox-row.ts'
import { entryTable, messageTable, structureTable } from '#mail/tables.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { type Partial, readSection, type Section } from '../fetch/fetch-items.ts'
import { Arguments } from '../wire/grammar.ts'
import { canonicalName, delimiter } from '../namespace/mailbox-name.ts'
import { type MessageSource, sectionBytes, type SectionBytes } from '../fetch/section-bytes.ts'
import type { ImapSession } from '../session/session.ts'
import type { ImapServices } from '../services.ts'

/** Longer ones are refused; a name can be as long as a header field, and three times that when encoded. */
export const maxUrlBytes = 4096

export interface MessageUrl {
  /** The path of the mailbox; undefined for the one that is selected. */
  readonly path: string | undefined
  readonly uidValidity: number | undefined
  readonly uid: Uid
  readonly section: Section
  readonly partial: Partial | undefined
}

const form =
  /^(?:\/([^;]+?)(?:;UIDVALIDITY=([1-9]\d{0,9}))?\/)?;UID=([1-9]\d{0,9})(?:\/;SECTION=([^;]+?))?(?:\/;PARTIAL=(\d{1,10})(?:\.([1-9]\d{0,9}))?)?$/i
/** RFC 5092 §11, bchar, and what separates parameters. */
const urlText = /^[\w\-.~!$'()*+,&=:@/;%]+$/
const maxNumber = 0xffff_ffff

/** Undefined where the text is no such URL. */
export function parseMessageUrl(text: string): MessageUrl | undefined {
  // What begins with two slashes names a server (RFC 5092 §7).
  if (text.length > maxUrlBytes || text.startsWith('//') || !urlText.test(text)) return undefined
  const found = form.exec(withoutDots(text))
  if (found === null) return undefined
  const [, name, uidValidity, uid, section, offset, length] = found
  const path = name === undefined ? undefined : decoded(name)
  const which = section === undefined ? wholeMessage : parseSection(section)
  const numbers = [uidValidity, uid, offset, length].map((digits) => Number(digits ?? 1))
  if ((name !== undefined && path === undefined) || which === undefined) return undefined
  if (numbers.some((number) => number > maxNumber)) return undefined
  return {
    path: path === undefined ? undefined : canonicalName(normalized(path, 'NFC')),
    uidValidity: uidValidity === undefined ? undefined : Number(uidValidity),
    uid: Number(uid) as Uid,
    section: which,
    partial:
      offset === undefined ? undefined : { offset: Number(offset), length: Number(length ?? maxNumber) },
  }
}

const wholeMessage: Section = { part: [], text: 'WHOLE', names: [] }

/** Percent-encoded UTF-8 as text. */
function decoded(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

function parseSection(encoded: string): Section | undefined {
  const text = decoded(encoded)
  if (text === undefined) return undefined
  const args = new Arguments(Buffer.from(`[${text}]`))
  try {
    const section = readSection(args)
    return args.atEnd ? section : undefined
  } catch {
    return undefined
  }
}

/** RFC 3986 §5.2.4, of an absolute path. */
function withoutDots(text: string): string {
  if (!text.startsWith(delimiter)) return text
  const kept: string[] = []
  for (const segment of text.slice(1).split(delimiter)) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  return delimiter + kept.join(delimiter)
}

/**
 * The bytes that BODY[section] of the message would be; undefined where the user can reach none by the URL.
 */
export async function readMessageUrl(session: ImapSession, url: MessageUrl): Promise<SectionBytes> {
  const place = await placeOfUrl(session, url)
  const source = place && (await readSource(session.services, place, url.uid))
  if (source === undefined) return undefined
  const { section, partial } = url
  return sectionBytes(source, { kind: 'section', label: '', section, partial, marksSeen: false })
}

async function placeOfUrl(
  session: ImapSession,
  { path, uidValidity }: MessageUrl,
): Promise<Place | undefined> {
  if (path === undefined && session.selected === undefined) return undefined
  try {
    const { account, mailbox } =
      path === undefined ? (await session.selectedNow('r')).held : await session.mailboxes.open(path, 'r')
    const isThat = uidValidity === undefined || uidValidity === mailbox.uidValidity
    return isThat ? { account, mailbox: mailbox.id } : undefined
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

/** In a mailbox that may be read. */
export function readSource(
  { db, blobs }: Pick<ImapServices, 'db' | 'blobs'>,
  { account, mailbox }: Place,
  uid: Uid,
): Promise<MessageSource | undefined> {
  return db.read(async (tx) => {
    const id = await tx.get(entryTable, account, mailbox, uid)
    if (id === undefined) return undefined
    const row = await tx.get(messageTable, account, id)
    const structure = await tx.get(structureTable, account, id)
    if (row === undefined || structure === undefined) return undefined
    return { blobs, row, structure: new StoredStructure(structure) }
  })
}
