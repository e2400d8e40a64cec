/**
 * Fuzz targets of `src/imap`: the reader with the grammar of every command, however the bytes are cut, and the
 * small grammars beside it. What a target throws is a find.
 */
import assert from 'node:assert/strict'
import { Fault, isFault, SyntaxFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { fixedClock } from '#base/clock.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { Arriving, readHead } from '#imap/append/arriving.ts'
import { tokens } from '#imap/client.ts'
import { Refusal } from '#imap/errors.ts'
import { Arguments } from '#imap/wire/grammar.ts'
import { ListPattern } from '#imap/mailbox/list-pattern.ts'
import { canonicalName, decodeName } from '#imap/namespace/mailbox-name.ts'
import { parseMessageUrl } from '#imap/url/message-url.ts'
import { locate, prefixOf } from '#imap/namespace/namespaces.ts'
import { CommandReader, literalMark, ProtocolEnd } from '#imap/wire/reader.ts'
import { commands, registry } from '#imap/registry.ts'
import type { ImapSession } from '#imap/session/session.ts'
import { readFilter } from '#imap/search/search-filters.ts'
import { positionsOfUids, positionsWithin } from '#imap/wire/sequence-set.ts'
import { authorise, parseRump } from '#imap/url/url-auth.ts'
import { decodeUtf7, encodeUtf7 } from '#imap/namespace/utf7.ts'
import { noLimits } from '#mail/limits.ts'
import type { Connection } from '#net/connection.ts'
import { InputBuffer, lineTooLong } from '#net/input-buffer.ts'

const limits = { lineBytes: 2000, commandBytes: 4000, unaskedBytes: Infinity, skipBytes: 8000 }
/** All that grammars ask of the session. */
const noSession = {
  settings: { allowUnauthenticate: true, allowCompression: true, maxNotifyGroups: 8 },
} as unknown as ImapSession

/** The input side of a connection that ends after these bytes. */
function connectionOf(bytes: Buffer, step: number): Connection {
  const input = new InputBuffer()
  for (let at = 0; at < bytes.length; at += step) input.push(bytes.subarray(at, at + step))
  const over = (): Fault => new Fault('unavailable', 'Connection ended', {})
  const connection: Pick<Connection, 'readLine' | 'readExact' | 'write'> = {
    readLine(maxBytes, o) {
      const line = input.takeLine(maxBytes, o?.bareLf === 'accept')
      if (line === lineTooLong) throw new Fault('tooLarge', 'Line too long', { limit: maxBytes })
      return line
    },
    async *readExact(count) {
      for (let left = count; left > 0;) {
        const chunk = input.takeChunk(left)
        if (chunk === undefined) throw over()
        left -= chunk.length
        yield chunk
      }
    },
    write: () => undefined,
  }
  return connection as Connection
}

/** What the reader and the grammars make of the bytes, as text that can be compared. */
async function readCommands(bytes: Buffer, step: number): Promise<readonly string[]> {
  const reader = new CommandReader(connectionOf(bytes, step), limits)
  const seen: string[] = []
  try {
    while (seen.length < 200) {
      try {
        if (!(await reader.next())) break
        const known = registry.get(reader.name)
        await known?.prepare(reader, noSession)
        seen.push(`${reader.tag} ${reader.name}`)
        await reader.skip()
      } catch (error) {
        const isExpected =
          error instanceof SyntaxFault || error instanceof Refusal || isFault(error, 'tooLarge')
        if (!isExpected) throw error
        seen.push(`${reader.tag} ${reader.name}: ${error.message}`)
        await reader.skip()
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolEnd) && !isFault(error, 'unavailable')) throw error
    seen.push(error.message)
  }
  return seen
}

/** Of a session, what messages on their way in ask for. */
const arrivingSession = (reader: CommandReader): ImapSession =>
  ({
    reader,
    settings: { maxRequestSize: 3000 },
    selected: undefined,
    mailboxes: { open: () => Promise.reject(new Fault('notFound', 'No such mailbox', { what: 'mailbox' })) },
    services: {
      blobs: new MemoryBlobs(),
      clock: fixedClock(0),
      db: { read: () => Promise.resolve({ usedBytes: 0, messages: 0 }) },
      limitsOf: () => Promise.resolve(noLimits),
    },
  }) as unknown as ImapSession

/** The messages of an APPEND: what came of them, and how the command ended. */
async function appendAll(bytes: Buffer, step: number): Promise<readonly string[]> {
  const reader = new CommandReader(connectionOf(bytes, step), limits)
  const seen: string[] = []
  try {
    await reader.next()
    const arriving = await Arriving.into(arrivingSession(reader), 1 as AccountId)
    try {
      let stretch = await reader.argumentsUntil(() => true)
      do stretch = await arriving.take(readHead(stretch), stretch)
      while (!stretch.args.atEnd || stretch.mark !== undefined)
    } finally {
      for (const { message, flags } of arriving.messages)
        seen.push(`${message.staged.hash} ${message.receivedAt} ${flags.keywords.join()} ${flags.deleted}`)
    }
  } catch (error) {
    const isExpected =
      error instanceof SyntaxFault ||
      error instanceof Refusal ||
      error instanceof ProtocolEnd ||
      isFault(error, 'tooLarge') ||
      isFault(error, 'unavailable')
    if (!isExpected) throw error
    seen.push(error.message)
  }
  return seen
}

/** The first byte says how the bytes are cut; `~~` stands for a line end. */
async function appends(bytes: Uint8Array): Promise<void> {
  const text = Buffer.from(bytes.subarray(1)).toString('latin1').replaceAll('~~', '\r\n')
  const whole = Buffer.from(`a APPEND${text}\r\n`, 'latin1')
  assert.deepEqual(await appendAll(whole, ((bytes[0] ?? 0) % 17) + 1), await appendAll(whole, whole.length))
}

/** What is authorised leads where it led before, and is found again in what it has become. */
function authorised(bytes: Uint8Array): void {
  const rump = parseRump(Buffer.from(bytes).toString('latin1'))
  if (rump === undefined) return
  const full = rump.text + authorise(Buffer.alloc(32), rump)
  assert.equal(full.slice(0, full.lastIndexOf(':internal:')), rump.text)
  assert.deepEqual(parseRump(rump.text), rump)
}

/** The first byte chooses a command, the second how the bytes are cut. `~` stands for a line end. */
async function session(bytes: Uint8Array): Promise<void> {
  const chosen = commands[(bytes[0] ?? 0) % commands.length]!
  const text = Buffer.from(bytes.subarray(2)).toString('latin1').replaceAll('~~', '\r\n')
  const whole = Buffer.from(`a ${chosen.name} ${text}\r\nb NOOP\r\n`, 'latin1')
  const atOnce = await readCommands(whole, whole.length)
  assert.deepEqual(await readCommands(whole, ((bytes[1] ?? 0) % 17) + 1), atOnce)
}

function quietly(read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
  }
}

const uids = [1, 2, 5, 9, 100, 4_294_967_295]
const view = {
  count: uids.length,
  uidAt: (position: number) => uids[position]!,
  lowerBound: (uid: number) => {
    const at = uids.findIndex((one) => one >= uid)
    return at < 0 ? uids.length : at
  },
}

function sets(bytes: Uint8Array): void {
  quietly(() => {
    const set = new Arguments(bytes).sequenceSet()
    for (const positions of [positionsOfUids(set, view, [1, 2]), positionsWithin(set, view, [1, 2])]) {
      let last = -2
      for (const at of positions) {
        assert.ok(at >= 0 && at < view.count)
        assert.ok(at >= last)
        last = at
      }
    }
  })
}

function names(bytes: Uint8Array): void {
  const decoded = decodeUtf7(bytes)
  if (decoded !== undefined) assert.ok(Buffer.from(encodeUtf7(decoded), 'latin1').equals(Buffer.from(bytes)))
  const path = decodeName(bytes, true)
  if (path !== undefined) assert.equal(canonicalName(path), path)
}

function patterns(bytes: Uint8Array): void {
  const half = bytes.length >> 1
  const text = Buffer.from(bytes).toString('latin1')
  const pattern = new ListPattern(text.slice(0, half))
  assert.ok(new ListPattern('*').matches(text.slice(half)))
  const path = text.slice(half)
  const isMatch = pattern.matches(path)
  // Whatever begins what matches may have something below it that does; INBOX has no beginning but itself.
  if (isMatch && !path.startsWith('INBOX'))
    for (let end = 1; end < path.length; end++) assert.ok(pattern.mayMatchBelow(path.slice(0, end)))
}

/** A path that was made for a name and a path leads back to both. */
function places(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8').normalize('NFC')
  const names = { otherUsers: 'Other Users', sharedFolders: 'Shared Folders' }
  const located = locate(text, names)
  if (located.space === 'own' || located.path === undefined || located.name.includes('\uff0f')) return
  const principal = { id: 1 as AccountId, name: located.name, isGroup: located.space === 'sharedFolders' }
  assert.deepEqual(locate(prefixOf(principal, names) + located.path, names), located)
}

const parser = 'IMAP arguments'

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void | Promise<void>
}[] = [
  { name: 'imap session', parser: 'IMAP commands', run: session },
  { name: 'imap append', parser: 'IMAP commands', run: appends },
  { name: 'imap message url', parser, run: (b) => void parseMessageUrl(Buffer.from(b).toString('latin1')) },
  { name: 'imap authorised url', parser, run: authorised },
  { name: 'imap sequence set', parser, run: sets },
  { name: 'imap mailbox name', parser, run: names },
  { name: 'imap namespace', parser, run: places },
  { name: 'imap list pattern', parser, run: patterns },
  { name: 'imap dates', parser, run: (b) => quietly(() => void new Arguments(b).dateTime()) },
  { name: 'imap search filter', parser, run: (b) => quietly(() => void readFilter(b)) },
  { name: 'imap literal mark', parser, run: (b) => void literalMark(b) },
  { name: 'imap client tokens', parser, run: (b) => quietly(() => void tokens(b)) },
]
