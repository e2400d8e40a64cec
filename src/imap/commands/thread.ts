/** THREAD and UID THREAD (RFC 5256 §3): SEARCH with its result arranged in threads. */
import type { Selection } from '#mail/arrange/stored-structures.ts'
import { threadByReferences } from '#mail/arrange/thread-by-references.ts'
import { threadBySubject } from '#mail/arrange/thread-by-subject.ts'
import type { ThreadTree } from '#mail/arrange/arrangements.ts'
import { type AnyCommand, command, type Completion, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { readCharsetAndKeys, type SearchProgram } from '../search/search-program.ts'
import { searchSelected } from '../search/search-selected.ts'
import type { ImapSession } from '../session/session.ts'
import type { ResponseWriter } from '../wire/writer.ts'

type Threading = (selection: Selection, session: ImapSession) => Promise<ThreadTree>

const algorithms: ReadonlyMap<string, Threading> = new Map<string, Threading>([
  ['ORDEREDSUBJECT', threadBySubject],
  ['REFERENCES', (selection, { settings }) => threadByReferences(selection, settings.maxThreadIds)],
])

interface ThreadArguments {
  readonly threading: Threading
  readonly program: SearchProgram
}

export const thread = threadsOf('THREAD')
export const uidThread = threadsOf('UID THREAD')

function threadsOf(name: string): AnyCommand {
  const byUid = name.startsWith('UID')
  return command<ThreadArguments>({
    name,
    states: ['selected'],
    standard: 'RFC 5256 §3',
    ...(!byUid && { usesNumbers: true as const }),
    hidesExpunges: byUid ? ({ program }) => program.hasNumbers : true,
    parse: whole((args: Arguments, session) => {
      args.sp()
      const threading = algorithms.get(args.word())
      if (threading === undefined) args.fail('unknown threading algorithm')
      args.sp()
      return { threading, program: readCharsetAndKeys(args, session) }
    }),
    run: (session, args) => runThread(session, args, byUid),
  })
}

async function runThread(
  session: ImapSession,
  { threading, program }: ThreadArguments,
  byUid: boolean,
): Promise<Completion> {
  const { out, selectedView: view, services, connection } = session
  const { positions, now, held } = await searchSelected(session, program)
  const tree = await threading(
    {
      db: services.db,
      account: held.account,
      view: now,
      indexes: positions.map(view.locator(now)),
      signal: connection.signal,
    },
    session,
  )
  out.ascii('* THREAD')
  if (tree.roots.length > 0) out.sp()
  for (const root of tree.roots) {
    writeThread(out, tree, root, (place) => (byUid ? view.uidAt(positions[place]!) : positions[place]! + 1))
    const full = out.room()
    if (full !== undefined) await full
  }
  out.crlf()
  return {}
}

/**
 * `thread-list` (RFC 5256 §5): a message and its only child stand behind each other, several children in parentheses
 * each. Threads may be as deep as there are messages, so what is open is kept in a list.
 */
function writeThread(
  out: ResponseWriter,
  { count, firstChildren, nextSiblings }: ThreadTree,
  root: number,
  number: (place: number) => number,
): void {
  const close = -1
  const waiting = [root]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node === close) {
      out.byte(0x29)
      continue
    }
    out.byte(0x28)
    waiting.push(close)
    for (let member = node; member !== -1;) {
      if (member < count) out.uint(number(member))
      const child = firstChildren[member]!
      if (child !== -1 && member < count) out.sp()
      const isOnly = child !== -1 && nextSiblings[child] === -1
      if (!isOnly) pushChildren(waiting, child, nextSiblings)
      member = isOnly ? child : -1
    }
  }
}

/** So that the first is taken first. */
function pushChildren(waiting: number[], first: number, nextSiblings: Int32Array): void {
  const children: number[] = []
  for (let child = first; child !== -1; child = nextSiblings[child]!) children.push(child)
  for (let i = children.length - 1; i >= 0; i--) waiting.push(children[i]!)
}
