/**
 * An IMAP client that reads only as much as it must: it looks for the line that starts with its tag and skips
 * everything before it unseen, literals too. That is safe because the tags appear in no message of the
 * benchmark. `ask` keeps the answer for those who need it.
 */
import type { Endpoint } from '../target.ts'
import { Wire } from './wire.ts'

const lf = 0x0a
/** More than an unasked-for line or two; what waits beyond it is dropped from the front. */
const keptUnasked = 64 * 1024

export class ImapClient {
  #wire!: Wire
  #tags = 0
  #marker: Buffer | undefined
  /** The end of what was seen and could be the start of the marker, or the marker's line as far as it came. */
  #tail: Buffer = Buffer.from('\n')
  #inLine = false
  #kept: Buffer[] | undefined
  #resolve: ((line: string) => void) | undefined
  #reject: ((error: Error) => void) | undefined
  #ended: Error | undefined

  static async open(endpoint: Endpoint, secure: boolean, shared: Buffer): Promise<ImapClient> {
    const client = new ImapClient()
    client.#wire = await Wire.open(
      endpoint,
      secure,
      { onBytes: (bytes) => client.#take(bytes), onEnd: (reason) => client.#fail(reason) },
      shared,
    )
    await client.#lineWith('\n* OK')
    return client
  }

  login(user: string, password: string): Promise<string> {
    return this.command(`LOGIN "${user}" "${password}"`)
  }

  /** Returns the tagged line from its tag on; throws for NO and BAD. */
  async command(text: string): Promise<string> {
    return this.#tagged([`${text}\r\n`])
  }

  /** As `command`, and returns all that the server said. */
  async ask(text: string): Promise<string> {
    this.#kept = []
    await this.command(text)
    const answer = Buffer.concat(this.#kept).toString('latin1')
    this.#kept = undefined
    return answer
  }

  /** LITERAL+ (RFC 7888): the messages follow without waiting. Flags as in `(\Seen)` or empty. */
  append(mailbox: string, messages: readonly (readonly [flags: string, Uint8Array])[]): Promise<string> {
    const parts = messages.flatMap(([flags, message]) => [
      ` ${flags}${flags && ' '}{${message.length}+}\r\n`,
      message,
    ])
    return this.#tagged([`APPEND ${mailbox}`, ...parts, '\r\n'])
  }

  /** RFC 2177: from here on the server tells what happens; `done` ends it. */
  async idle(): Promise<void> {
    const ready = this.#lineWith('\n+')
    this.#wire.write('idle IDLE\r\n')
    await ready
  }

  waitForExists(): Promise<string> {
    return this.#lineWith(' EXISTS')
  }

  async done(): Promise<void> {
    const ended = this.#lineWith('\nidle ')
    this.#wire.write('DONE\r\n')
    await ended
  }

  close(): void {
    this.#wire.close()
  }

  async #tagged(parts: readonly (string | Uint8Array)[]): Promise<string> {
    const tag = `zq${++this.#tags}`
    const answer = this.#lineWith(`\n${tag} `)
    this.#wire.writeAll([`${tag} `, ...parts])
    const line = await answer
    if (!line.startsWith(`\n${tag} OK`)) throw new Error(`${describe(parts)} was answered ${line.trim()}`)
    return line
  }

  #lineWith(marker: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      this.#resolve = resolve
      this.#reject = reject
      this.#marker = Buffer.from(marker, 'latin1')
      const seen = this.#tail
      this.#tail = seen.subarray(0, 0)
      this.#scan(seen)
    })
  }

  #take(bytes: Buffer): void {
    this.#kept?.push(Buffer.from(bytes))
    if (this.#marker === undefined) {
      this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-keptUnasked)
      return
    }
    this.#scan(bytes)
  }

  #scan(bytes: Buffer): void {
    const marker = this.#marker!
    if (this.#inLine) return this.#finish(Buffer.concat([this.#tail, bytes]))
    const tail = this.#tail
    if (tail.length > 0) {
      // The marker may lie across the border between two reads.
      const border = Buffer.concat([tail, bytes.subarray(0, marker.length)])
      const at = border.indexOf(marker)
      if (at >= 0 && at < tail.length) return this.#finish(Buffer.concat([tail.subarray(at), bytes]))
    }
    const at = bytes.indexOf(marker)
    if (at >= 0) return this.#finish(bytes.subarray(at))
    const kept = bytes.length >= marker.length ? bytes : Buffer.concat([tail, bytes])
    this.#tail = Buffer.from(kept.subarray(Math.max(kept.length - marker.length + 1, 0)))
  }

  /** `bytes` starts with the marker. */
  #finish(bytes: Buffer): void {
    const end = bytes.indexOf(lf, 1)
    this.#inLine = end < 0
    if (end < 0) {
      this.#tail = Buffer.from(bytes)
      return
    }
    // The line end stays, as the one before whatever comes next.
    this.#tail = Buffer.from(bytes.subarray(end))
    this.#marker = undefined
    this.#resolve?.(bytes.toString('latin1', 0, end))
  }

  #fail(reason: Error): void {
    this.#ended = reason
    this.#reject?.(reason)
  }
}

function describe(parts: readonly (string | Uint8Array)[]): string {
  return typeof parts[0] === 'string' ? parts[0].trim() : 'a command'
}
