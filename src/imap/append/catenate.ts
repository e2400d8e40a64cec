/**
 * The parts of CATENATE (RFC 4469 §5): text that the client sends, and URLs of messages that are here already.
 *
 * Texts stream by. A URL may be a literal too, which is short and read whole.
 */
import type { Arguments } from '../wire/grammar.ts'
import type { CommandReader, LiteralMark, Stretch } from '../wire/reader.ts'
import { Refusal } from '../errors.ts'
import { maxUrlBytes } from '../url/message-url.ts'

/** What becomes of the parts, in their order. */
export interface CatenateParts {
  /** Asks for the literal and reads it; returns what stands behind it. */
  text(mark: LiteralMark): Promise<Stretch>
  url(url: string): Promise<void>
}

/** Of one message. */
const maxParts = 1000

/** Reads `CATENATE (` to its end; returns what stands behind it. */
export async function readCatenate(
  reader: CommandReader,
  first: Stretch,
  parts: CatenateParts,
): Promise<Stretch> {
  let { args, mark } = first
  if (args.word() !== 'CATENATE') args.fail('expected a literal or CATENATE')
  args.sp()
  args.open()
  for (let count = 1; ; count++) {
    if (count > maxParts) throw new Refusal('Too many parts in one message', 'LIMIT')
    const kind = args.word()
    args.sp()
    const literal = args.atEnd ? mark : undefined
    if (kind === 'TEXT') ({ args, mark } = await parts.text(literal ?? args.fail('expected a literal')))
    else if (kind !== 'URL') args.fail('expected TEXT or URL')
    else if (literal === undefined) await parts.url(textOf(args))
    else {
      const url = await readShort(reader, literal)
      ;({ args, mark } = await reader.rest())
      await parts.url(url)
    }
    if (!args.take(0x20)) break
  }
  args.close()
  return { args, mark }
}

const textOf = (args: Arguments): string => args.astring().toString('latin1')

async function readShort(reader: CommandReader, mark: LiteralMark): Promise<string> {
  if (mark.sizeBytes > maxUrlBytes) throw new Refusal('URL too long', 'LIMIT')
  await reader.ask(mark)
  const pieces: Buffer[] = []
  for await (const piece of reader.literal(mark)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces).toString('latin1')
}
