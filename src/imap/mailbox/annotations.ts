/**
 * Annotations as IMAP has them (RFC 5464): their names, whose they are, who may see and change them, and how they
 * are written.
 *
 * Names are case-insensitive and kept in lower case. `/shared/admin` of the server is what the settings say, and
 * `/private/specialuse` of a mailbox what it is used for.
 */
import { type Annotated, type AnnotationLimits, type Depth, readAnnotations } from '#mail/annotation.ts'
import { hasAll, hasAny, type Rights, rightsOf } from '#mail/rights.ts'
import type { Arguments } from '../wire/grammar.ts'
import { writeName } from '../namespace/mailbox-name.ts'
import { type MailboxRef, notPermitted, placeOf } from '../namespace/mailbox-ref.ts'
import type { ImapSession } from '../session/session.ts'
import { useAttribute } from './special-use.ts'

/** What a command may name. */
const maxNames = 1000
const maxNameLength = 250
/** What only who runs the server changes: what all users see of it (RFC 5464 §3.3). */
const serverSetters = 'sysImapUpdate'
export const adminEntry = '/shared/admin'
/** RFC 6154 §4 */
export const useEntry = '/private/specialuse'

const visible = rightsOf('l')
const inUse = rightsOf('rswip')

/** What is annotated: a mailbox, or the server where that is undefined. */
export type Subject = MailboxRef | undefined

/** RFC 5464 §5: the name of a mailbox, empty for the server. Throws Fault 'notFound' and 'forbidden'. */
export async function openSubject(
  session: ImapSession,
  name: Uint8Array,
  o: { readonly writesShared: boolean; readonly writesUse?: boolean },
): Promise<Subject> {
  if (name.length === 0) {
    if (o.writesShared && session.access?.permissions.has(serverSetters) !== true) throw notPermitted()
    return undefined
  }
  // RFC 5464 has no right for it: what all see changes who may change the flags that all see.
  const needs = `l${o.writesShared ? 'w' : ''}${o.writesUse === true ? 'x' : ''}`
  const ref = await session.open(name, needs)
  assertInUse(ref.rights)
  return ref
}

/** RFC 5464 §3.3: the mailbox can be seen and, in whatever way, used. */
export function assertInUse(rights: Rights): void {
  if (!mayAnnotate(rights)) throw notPermitted()
}

export const mayAnnotate = (rights: Rights): boolean => hasAll(rights, visible) && hasAny(rights, inUse)

export const annotated = ({ mailboxes }: ImapSession, subject: Subject): Annotated => ({
  reader: mailboxes.account,
  place: subject && placeOf(subject),
})

export const annotationLimits = ({ settings }: ImapSession): AnnotationLimits => ({
  entries: settings.maxAnnotations,
  valueBytes: settings.maxAnnotationSize,
  totalBytes: settings.maxAnnotationsSize,
})

/** The name of one entry (RFC 5464 §3.2). `asParent`: entries below it are asked for, so `/private` will do. */
export function readEntry(args: Arguments, o: { readonly asParent: boolean } = { asParent: false }): string {
  const name = args.astring().toString('latin1').toLowerCase()
  if (name.length > maxNameLength) return args.fail('entry name too long')
  if (!isEntry(name) && !(o.asParent && (name === '/private' || name === '/shared')))
    return args.fail('no such entry name is possible')
  return name
}

function isEntry(name: string): boolean {
  if (!Array.from(name).every(mayStandInEntry) || name.endsWith('/') || name.includes('//')) return false
  const [root, scope, first, token, ...rest] = name.split('/')
  if (root !== '' || (scope !== 'private' && scope !== 'shared') || first === undefined) return false
  return first !== 'vendor' || (token !== undefined && rest.length > 0)
}

const mayStandInEntry = (char: string): boolean =>
  char >= '\u001a' && char <= '\u007f' && char !== '*' && char !== '%'

/** `/shared/comment`, or several in parentheses; without them too, as some examples of RFC 5464 have it. */
export function readEntries(args: Arguments, depth: Depth): readonly string[] {
  const names = new Set<string>()
  const isList = args.takeOpen()
  do {
    names.add(readEntry(args, { asParent: depth !== 0 }))
    if (names.size > maxNames) args.fail('too many entries')
  } while (args.take(0x20))
  if (isList) args.close()
  return [...names]
}

export interface Wanted {
  readonly names: readonly string[]
  readonly depth: Depth
  /** Larger values are left out (RFC 5464 §4.2.1). */
  readonly maxSize: number
}

/**
 * Writes the METADATA response, if there is anything to be told: of a name that was asked for and nothing below it,
 * NIL where it has no value. Returns the size of the largest value that was left out, or 0.
 */
export async function writeMetadata(session: ImapSession, subject: Subject, wanted: Wanted): Promise<number> {
  const { names, depth, maxSize } = wanted
  const found = new Map<string, Uint8Array | undefined>(
    depth === 0 ? names.map((name) => [name, undefined]) : [],
  )
  for (const [name, value] of await readValues(session, subject, wanted)) found.set(name, value)
  let longest = 0
  for (const [name, value] of found) {
    if (value === undefined || value.length <= maxSize) continue
    longest = Math.max(longest, value.length)
    found.delete(name)
  }
  if (found.size > 0) await writeValues(session, subject, found)
  return longest
}

/** What has a value, kept or computed, of these names and, by the depth, of those below them. */
export async function readValues(
  session: ImapSession,
  subject: Subject,
  { names, depth }: Pick<Wanted, 'names' | 'depth'>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const at = annotated(session, subject)
  const values = new Map(await session.services.db.read((tx) => readAnnotations(tx, at, names, depth)))
  const [entry, value] = computed(session, subject)
  const isAsked =
    names.includes(entry) || (depth !== 0 && names.includes(entry.slice(0, entry.lastIndexOf('/'))))
  if (value === undefined) values.delete(entry)
  else if (isAsked) values.set(entry, Buffer.from(value))
  return values
}

/** What the settings say of the server, and what a mailbox is used for by its owner. */
function computed(
  { settings }: ImapSession,
  subject: Subject,
): readonly [entry: string, value: string | undefined] {
  if (subject === undefined) return [adminEntry, settings.adminContact]
  return [useEntry, subject.isOwn ? useAttribute(subject.mailbox.role) : undefined]
}

/** METADATA of what has changed, without values (RFC 5464 §4.4.2). */
export function writeChangedEntries(session: ImapSession, subject: Subject, names: readonly string[]): void {
  if (names.length === 0) return
  writeSubject(session, subject)
  for (const name of names) {
    session.out.sp()
    writeEntry(session, name)
  }
  session.out.crlf()
}

function writeSubject({ out, isUtf8 }: ImapSession, subject: Subject): void {
  out.ascii('* METADATA ')
  if (subject === undefined) out.ascii('""')
  else writeName(out, subject.path, isUtf8)
}

/** An atom where it can be, as in the examples of RFC 5464. */
function writeEntry({ out, isUtf8 }: ImapSession, name: string): void {
  if (/^[\w/.:+-]+$/.test(name)) out.ascii(name)
  else out.string(Buffer.from(name), isUtf8)
}

async function writeValues(
  session: ImapSession,
  subject: Subject,
  values: ReadonlyMap<string, Uint8Array | undefined>,
): Promise<void> {
  const { out, isUtf8 } = session
  writeSubject(session, subject)
  let before = ' ('
  for (const [name, value] of values) {
    out.ascii(before)
    before = ' '
    writeEntry(session, name)
    out.sp()
    if (value === undefined) out.nil()
    else if (value.includes(0)) out.byte(0x7e).literal(value)
    else out.string(value, isUtf8)
    const full = out.room()
    if (full !== undefined) await full
  }
  out.ascii(')\r\n')
}
