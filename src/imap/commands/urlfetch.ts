/**
 * URLFETCH: what URLs lead to that their owners have authorised, whatever this session could reach otherwise; as it
 * is, or without its transfer encoding and with a description of it (RFC 5524).
 */
import { renderBodyStructure } from '#message/body-structure.ts'
import { isMessage, isMultipart, partAt } from '#message/structure.ts'
import { command, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import type { BytesItem } from '../fetch/fetch-items.ts'
import { writeBytes } from '../fetch/fetch-response.ts'
import type { Arguments } from '../wire/grammar.ts'
import { type MessageSource, sectionBytes, type SectionBytes } from '../fetch/section-bytes.ts'
import { signedIn } from '../session/session-state.ts'
import { findAuthorised, type Readable } from '../url/url-auth.ts'
import { maxUrls } from './genurlauth.ts'

const LF = 0x0a
const items = ['BODY', 'BINARY', 'BODYPARTSTRUCTURE']

interface UrlFetchArgument {
  readonly url: Uint8Array
  /** None for the bytes alone, as RFC 4467 has them. */
  readonly asked: ReadonlySet<string>
}

interface Answer {
  readonly item: BytesItem
  readonly bytes: SectionBytes
  /** The list behind BODYPARTSTRUCTURE, one character per byte. */
  readonly structure: string | undefined
}

export const urlfetch = command<readonly UrlFetchArgument[]>({
  name: 'URLFETCH',
  states: signedIn,
  standard: 'RFC 4467 §7, RFC 5524 §3',
  parse: whole((args: Arguments) => {
    const all: UrlFetchArgument[] = []
    do {
      args.sp()
      all.push(args.takeOpen() ? readExtended(args) : { url: args.astring(), asked: new Set() })
    } while (!args.atEnd)
    return all
  }),
  async run(session, all) {
    if (all.length > maxUrls) throw new Refusal('Too many URLs in one command', 'LIMIT')
    const answers: (Answer | undefined)[] = []
    // All before the first byte is written, so that trouble leaves no half of a response.
    for (const { url, asked } of all) {
      const found = await findAuthorised(session, Buffer.from(url).toString('latin1'))
      answers.push(found && (await answerFor(found, asked)))
    }
    const { out } = session
    out.ascii('* URLFETCH')
    for (const [i, { url, asked }] of all.entries()) {
      out.sp().string(url, session.isUtf8)
      const answer = answers[i]
      if (answer?.structure !== undefined) out.ascii(` (BODYPARTSTRUCTURE ${answer.structure})`)
      if (answer === undefined) out.sp().nil()
      else if (asked.size === 0) await writeBytes(out, answer.item, answer.bytes)
      else if (asked.has(answer.item.label)) {
        out.sp().byte(0x28)
        await writeBytes(out, answer.item, answer.bytes)
        out.byte(0x29)
      }
    }
    out.crlf()
    const full = out.room()
    if (full !== undefined) await full
  },
})

/** `url *(SP param))` */
function readExtended(args: Arguments): UrlFetchArgument {
  const url = args.astring()
  const asked = new Set<string>()
  while (args.take(0x20)) {
    const word = args.word()
    if (!items.includes(word)) args.fail('unknown item')
    if (asked.has(word)) args.fail('an item twice')
    asked.add(word)
  }
  args.close()
  if (asked.has('BODY') && asked.has('BINARY')) args.fail('BODY and BINARY exclude each other')
  return { url, asked }
}

/** Undefined where the part is not there. */
async function answerFor({ source, url }: Readable, asked: ReadonlySet<string>): Promise<Answer | undefined> {
  const { section, partial } = url
  const isWhole = section.text === 'WHOLE'
  const part = isWhole ? partAt(source.structure!.parts(), section.part) : undefined
  // What is not a leaf has no transfer encoding.
  const isLeaf = section.part.length > 0 && part !== undefined && !isMultipart(part) && !isMessage(part)
  const asIs: BytesItem = { kind: 'section', label: 'BODY', section, partial, marksSeen: false }
  const label = asked.size === 0 ? '' : asked.has('BINARY') ? 'BINARY' : 'BODY'
  const item: BytesItem = { ...asIs, kind: asked.has('BINARY') && isLeaf ? 'binary' : 'section', label }
  const bytes = await readOrNil(source, item)
  const data = bytes ?? (await sectionBytes(source, asIs))
  if (data === undefined) return undefined
  if (!asked.has('BODYPARTSTRUCTURE')) return { item, bytes, structure: undefined }
  const size = 'sizeBytes' in data ? data.sizeBytes : data.length
  if (part === undefined)
    return { item, bytes, structure: `("APPLICATION" "OCTET-STREAM" NIL NIL NIL "8BIT" ${size})` }
  if (!isLeaf) return { item, bytes, structure: renderBodyStructure(part).wire }
  // RFC 5524 §3.2: as the data is returned.
  const isDecoded = item.kind === 'binary' && bytes !== undefined
  const lines =
    'sizeBytes' in data ? part.lines : data.reduce((count, byte) => count + (byte === LF ? 1 : 0), 0)
  const described = {
    ...part,
    lines,
    bodyStart: 0,
    bodyEnd: size,
    encoding: isDecoded ? 'binary' : part.encoding,
  }
  return { item, bytes, structure: renderBodyStructure(described).wire }
}

/** Undefined too for what cannot be decoded. */
async function readOrNil(source: MessageSource, item: BytesItem): Promise<SectionBytes> {
  try {
    return await sectionBytes(source, item)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
