/**
 * The parts of a message as JMAP shows them (RFC 8621 §4.1.4): the tree without what is in attached messages, and
 * the flat lists that clients show as text, as HTML and as attachments.
 */
import { parameter } from './parameters.ts'
import { fileName, isMultipart, type Part } from './structure.ts'

export interface BodyPart {
  readonly part: Part
  /** Undefined for a multipart; else as IMAP numbers parts. */
  readonly partId: string | undefined
  /** Among all parts of the message, from outside to inside, with those of attached messages. */
  readonly place: number
  readonly name: string | undefined
  readonly subParts: readonly BodyPart[]
}

/** The tree below the root of a message. */
export function bodyTree(root: Part): BodyPart {
  let places = 0
  const visit = (part: Part, numbers: string): BodyPart => {
    const place = places++
    const isMulti = isMultipart(part)
    const subParts: BodyPart[] = []
    for (const [i, child] of part.children.entries()) {
      if (isMulti) subParts.push(visit(child, numbers === '' ? `${i + 1}` : `${numbers}.${i + 1}`))
      else places += countParts(child)
    }
    const partId = isMulti ? undefined : numbers === '' ? '1' : numbers
    return { part, partId, place, name: fileName(part), subParts }
  }
  return visit(root, '')
}

const countParts = (part: Part): number => part.children.reduce((sum, child) => sum + countParts(child), 1)

/** All parts that are no multiparts, in order. */
export function leavesOf(tree: BodyPart): readonly BodyPart[] {
  return isMultipart(tree.part) ? tree.subParts.flatMap(leavesOf) : [tree]
}

export interface BodyLists {
  readonly textBody: readonly BodyPart[]
  readonly htmlBody: readonly BodyPart[]
  readonly attachments: readonly BodyPart[]
}

/** RFC 8621 §4.1.4: the algorithm that it gives. */
export function bodyLists(root: BodyPart): BodyLists {
  const textBody: BodyPart[] = []
  const htmlBody: BodyPart[] = []
  const attachments: BodyPart[] = []
  sortOut([root], 'mixed', false, { textBody, htmlBody, attachments })
  return { textBody, htmlBody, attachments }
}

/** A list that is undefined takes nothing any more: what would go into it has an alternative. */
interface Lists {
  textBody: BodyPart[] | undefined
  htmlBody: BodyPart[] | undefined
  readonly attachments: BodyPart[]
}

function sortOut(parts: readonly BodyPart[], multipart: string, inAlternative: boolean, into: Lists): void {
  const textLength = into.textBody?.length ?? -1
  const htmlLength = into.htmlBody?.length ?? -1
  for (const [i, one] of parts.entries()) {
    const { part } = one
    if (isMultipart(part)) {
      const isAlternative = inAlternative || part.subtype === 'alternative'
      sortOut(one.subParts, part.subtype, isAlternative, { ...into })
    } else if (!isInline(one, i, multipart)) into.attachments.push(one)
    else if (multipart === 'alternative') listFor(part, into)?.push(one)
    else addInline(one, inAlternative, into)
  }
  const { textBody, htmlBody } = into
  if (multipart !== 'alternative' || textBody === undefined || htmlBody === undefined) return
  const text = textBody.slice(textLength)
  const html = htmlBody.slice(htmlLength)
  if (text.length === 0) textBody.push(...html)
  if (html.length === 0) htmlBody.push(...text)
}

function isInline({ part, name }: BodyPart, place: number, multipart: string): boolean {
  const isText = part.type === 'text' && (part.subtype === 'plain' || part.subtype === 'html')
  if (part.disposition?.type === 'attachment' || !(isText || isMedia(part))) return false
  return place === 0 || (multipart !== 'related' && (isMedia(part) || name === undefined))
}

const isMedia = ({ type }: Part): boolean => type === 'image' || type === 'audio' || type === 'video'

function listFor(
  { type, subtype }: Part,
  { textBody, htmlBody, attachments }: Lists,
): BodyPart[] | undefined {
  if (type !== 'text') return attachments
  return subtype === 'plain' ? textBody : htmlBody
}

function addInline(one: BodyPart, inAlternative: boolean, into: Lists): void {
  const { part } = one
  if (inAlternative && part.type === 'text') {
    if (part.subtype === 'plain') into.htmlBody = undefined
    else into.textBody = undefined
  }
  into.textBody?.push(one)
  into.htmlBody?.push(one)
  if ((into.textBody === undefined || into.htmlBody === undefined) && isMedia(part))
    into.attachments.push(one)
}

/** Content-ID without brackets, comments and white space. */
export function contentId({ id }: Part): string | undefined {
  if (id === undefined) return undefined
  const inner = /<([^<>]*)>/.exec(id)
  return (inner === null ? id : inner[1]!).trim()
}

/** Undefined for what is no text, unless it names one; text that names none is US-ASCII. */
export function namedCharset(part: Part): string | undefined {
  const named = parameter(part.params, 'charset')?.value
  if (named === 'US-ASCII') return 'us-ascii'
  return named ?? (part.type === 'text' ? 'us-ascii' : undefined)
}
