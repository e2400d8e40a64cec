/** GETMETADATA: annotations of a mailbox or, where that is the empty string, of the server. */
import type { Depth } from '#mail/annotation.ts'
import { openSubject, readEntries, type Wanted, writeMetadata } from '../mailbox/annotations.ts'
import { command, type Completion, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { signedIn } from '../session/session-state.ts'

interface GetArguments extends Wanted {
  readonly name: Uint8Array
}

interface Options {
  depth: Depth
  maxSize: number
}

export const getmetadata = command<GetArguments>({
  name: 'GETMETADATA',
  states: signedIn,
  standard: 'RFC 5464 §4.2',
  parse: whole(readArguments),
  async run(session, args): Promise<Completion> {
    const subject = await openSubject(session, args.name, { writesShared: false })
    const longest = await writeMetadata(session, subject, args)
    return longest === 0 ? {} : { code: `METADATA LONGENTRIES ${longest}` }
  },
})

/** The options stand before the mailbox in the grammar of RFC 5464, and behind it in its examples. */
function readArguments(args: Arguments): GetArguments {
  const options: Options = { depth: 0, maxSize: Infinity }
  args.sp()
  if (readOptions(args, options)) args.sp()
  const name = args.astring()
  args.sp()
  if (readOptions(args, options)) args.sp()
  return { name, ...options, names: readEntries(args, options.depth) }
}

/** False where no options stand here. Entries can stand in parentheses too; none begins with a letter. */
function readOptions(args: Arguments, options: Options): boolean {
  const start = args.at
  if (!args.takeOpen()) return false
  if (!/[a-z]/i.test(String.fromCharCode(args.peek()))) {
    args.at = start
    return false
  }
  do {
    const option = args.word()
    args.sp()
    if (option === 'MAXSIZE') options.maxSize = args.number()
    else if (option === 'DEPTH') options.depth = readDepth(args)
    else args.fail('unknown option')
  } while (args.take(0x20))
  args.close()
  return true
}

function readDepth(args: Arguments): Depth {
  const depth = args.astring().toString('latin1').toLowerCase()
  if (depth === 'infinity') return depth
  return depth === '0' ? 0 : depth === '1' ? 1 : args.fail('expected 0, 1 or infinity')
}
