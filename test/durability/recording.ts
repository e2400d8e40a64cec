/**
 * Everything that a server did to its data directory and sent to its clients, in order, from a trace of its
 * system calls. What is not a write, a sync or a change of names is left out; times are positions in the trace.
 */
import { createReadStream } from 'node:fs'
import { descriptorOf, StraceLines, stringsOf, type TracedCall, type TracedEntry } from './strace-line.ts'

export type FileEvent =
  /** `isSynced`: through a descriptor whose writes are on disk when they return. */
  | { readonly kind: 'write'; path: string; offset: number; data: Buffer; isSynced: boolean }
  /** What was written before `since` is on disk; of a directory, its names. */
  | { readonly kind: 'sync'; path: string; since: number }
  | { readonly kind: 'create'; path: string }
  | { readonly kind: 'truncate'; path: string; size: number }
  | { readonly kind: 'rename'; path: string; to: string }
  | { readonly kind: 'unlink'; path: string }
  | { readonly kind: 'mkdir'; path: string }

/** Bytes were handed to a socket, or are just about to be. */
export interface SentEvent {
  readonly kind: 'sent'
  readonly data: Buffer
}

export type TraceEvent = (FileEvent | SentEvent) & { readonly at: number }

const traced =
  'write writev pwrite64 pwritev pwritev2 sendto sendmsg fsync fdatasync sync_file_range msync ' +
  'openat lseek ftruncate fallocate rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat'

const straceFlags = '-D -f -yy --seccomp-bpf -qq -s 16777216 -e signal=none'

/** What runs a program under strace as its own process, and writes the record to `file`. */
export const straceCommand = (file: string): readonly string[] => [
  'strace',
  ...straceFlags.split(' '),
  '-e',
  `trace=${traced.split(' ').join()}`,
  '-o',
  file,
]

/** Reads a record whole. `directory` is the data directory, absolute; events are of what lies in it. */
export async function readRecording(file: string, directory: string): Promise<readonly TraceEvent[]> {
  const reader = new RecordingReader(directory)
  let rest: Buffer[] = []
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, end))
      reader.take(rest.length === 1 ? rest[0]! : Buffer.concat(rest))
      rest = []
      from = end + 1
    }
    rest.push(chunk.subarray(from))
  }
  return reader.events
}

class RecordingReader {
  readonly events: TraceEvent[] = []
  readonly #lines = new StraceLines()
  readonly #directory: string
  readonly #known = new Set<string>()
  /** Where a plain write goes, and whether writes are synced, by descriptor. */
  readonly #positions = new Map<number, number>()
  readonly #synced = new Set<number>()

  constructor(directory: string) {
    this.#directory = directory
  }

  take(line: Buffer): void {
    const { entry, call } = this.#lines.read(line)
    if (entry !== undefined) this.#enter(entry)
    if (call !== undefined && call.result >= 0) this.#returned(call)
  }

  /** The moment before anybody could have got the bytes. */
  #enter({ name, args, enteredAt }: TracedEntry): void {
    if (!name.startsWith('write') && !name.startsWith('send')) return
    const socket = descriptorOf(args)
    if (socket === undefined || !socket.path.startsWith('TCP')) return
    this.events.push({ kind: 'sent', data: Buffer.concat(stringsOf(args)), at: enteredAt })
  }

  #returned(call: TracedCall): void {
    const at = call.returnedAt
    switch (call.name) {
      case 'openat':
        return this.#opened(call)
      case 'write':
      case 'writev':
      case 'pwrite64':
      case 'pwritev':
        return this.#written(call)
      case 'lseek':
        this.#positions.set(descriptorOf(call.args)!.fd, call.result)
        return
      case 'fsync':
      case 'fdatasync': {
        const path = descriptorOf(call.args)!.path
        if (this.#isOurs(path)) this.events.push({ kind: 'sync', path, since: call.enteredAt, at })
        return
      }
      case 'ftruncate': {
        const { path } = descriptorOf(call.args)!
        const size = Number(/, (\d+)$/.exec(call.args.toString('latin1'))![1])
        if (this.#isOurs(path)) this.events.push({ kind: 'truncate', path, size, at })
        return
      }
      case 'rename':
      case 'unlink':
      case 'mkdir':
        return this.#named(call.name, stringsOf(call.args).map(String), at)
      default:
        this.#refuse(call)
    }
  }

  /** A call that changes files in a way which is not modelled would make the test blind. */
  #refuse({ name, args }: TracedCall): void {
    if (args.includes(`${this.#directory}/`))
      throw new Error(`the trace has ${name}, which is not understood`)
  }

  #opened({ args, result, returnedAt: at }: TracedCall): void {
    const text = args.toString('latin1')
    const path = stringsOf(args).at(-1)!.toString()
    this.#positions.set(result, 0)
    if (/\bO_D?SYNC\b/.test(text)) this.#synced.add(result)
    else this.#synced.delete(result)
    if (!this.#isOurs(path) || text.includes('O_DIRECTORY')) return
    if (text.includes('O_CREAT') && !this.#known.has(path)) {
      this.#known.add(path)
      this.events.push({ kind: 'create', path, at })
    } else if (text.includes('O_TRUNC')) this.events.push({ kind: 'truncate', path, size: 0, at })
  }

  #written({ name, args, result, returnedAt: at }: TracedCall): void {
    const { fd, path } = descriptorOf(args)!
    if (!this.#isOurs(path) || path.endsWith('(deleted)')) return
    const data = Buffer.concat(stringsOf(args)).subarray(0, result)
    if (data.length !== result) throw new Error(`strace has ${data.length} of ${result} bytes of a write`)
    let offset = this.#positions.get(fd) ?? 0
    if (name.startsWith('p')) offset = Number(/, (\d+)$/.exec(args.toString('latin1', args.length - 40))![1])
    else this.#positions.set(fd, offset + result)
    this.events.push({ kind: 'write', path, offset, data, isSynced: this.#synced.has(fd), at })
  }

  #named(kind: 'rename' | 'unlink' | 'mkdir', [path = '', to = '']: string[], at: number): void {
    if (!this.#isOurs(path) && !this.#isOurs(to)) return
    if (kind !== 'mkdir') this.#known.delete(path)
    if (kind === 'rename') {
      this.#known.add(to)
      this.events.push({ kind, path, to, at })
    } else this.events.push({ kind, path, at })
  }

  #isOurs(path: string): boolean {
    return path === this.#directory || path.startsWith(`${this.#directory}/`)
  }
}
