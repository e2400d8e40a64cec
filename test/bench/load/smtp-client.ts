/**
 * An SMTP client that only counts: it sends prepared bytes and waits for a number of replies (RFC 5321 §4.2),
 * of which it knows the codes. Greeting, EHLO and sign-in are done when it opens.
 */
import type { Endpoint } from '../target.ts'
import { Wire } from './wire.ts'

const lf = 0x0a
const hyphen = 0x2d
const zero = 0x30

export class SmtpClient {
  #wire!: Wire
  #partial: Buffer = Buffer.alloc(0)
  #waiting = 0
  #worst = 0
  #last = 0
  #resolve: ((worst: number) => void) | undefined
  #reject: ((error: Error) => void) | undefined
  #ended: Error | undefined

  /** `user`: over TLS from the first byte, as somebody who signs in. */
  static async open(
    endpoint: Endpoint,
    shared: Buffer,
    user?: { readonly name: string; readonly password: string },
  ): Promise<SmtpClient> {
    const client = new SmtpClient()
    const greeting = client.#replies(1)
    // Whatever goes wrong shows in `greeting` too, and only once.
    greeting.catch(() => {})
    client.#wire = await Wire.open(
      endpoint,
      user !== undefined,
      { onBytes: (bytes) => client.#take(bytes), onEnd: (reason) => client.#fail(reason) },
      shared,
    )
    if ((await greeting) !== 220) throw new Error(`greeting ${client.#last}`)
    const hello = await client.exchange(['EHLO client.bench.example\r\n'], 1)
    if (hello !== 250) throw new Error(`EHLO answered ${hello}`)
    if (user === undefined) return client
    const response = Buffer.from(`\0${user.name}\0${user.password}`).toString('base64')
    const signedIn = await client.exchange([`AUTH PLAIN ${response}\r\n`], 1)
    if (signedIn !== 235) throw new Error(`AUTH answered ${signedIn}`)
    return client
  }

  /** The code of the last reply. */
  get last(): number {
    return this.#last
  }

  /** Sends in one go and waits for so many replies. Returns the highest code: 400 or more if one failed. */
  exchange(parts: readonly (string | Uint8Array)[], replies: number): Promise<number> {
    const result = this.#replies(replies)
    if (parts.length === 1 && typeof parts[0] === 'string') this.#wire.write(parts[0])
    else this.#wire.writeAll(parts)
    return result
  }

  close(): void {
    this.#wire.close()
  }

  #replies(count: number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      this.#waiting = count
      this.#worst = 0
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  #fail(reason: Error): void {
    this.#ended = reason
    this.#reject?.(reason)
  }

  #take(chunk: Buffer): void {
    const bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    let start = 0
    for (let end = bytes.indexOf(lf); end >= 0; end = bytes.indexOf(lf, start)) {
      // RFC 5321 §4.2.1: a hyphen after the code says that more lines of this reply follow.
      if (bytes[start + 3] !== hyphen) this.#reply(codeAt(bytes, start))
      start = end + 1
    }
    this.#partial = start === bytes.length ? bytes.subarray(0, 0) : Buffer.from(bytes.subarray(start))
  }

  #reply(code: number): void {
    this.#last = code
    if (code > this.#worst) this.#worst = code
    if (--this.#waiting === 0) this.#resolve?.(this.#worst)
    else if (this.#waiting < 0) this.#fail(new Error(`a reply that nothing asked for: ${code}`))
  }
}

function codeAt(bytes: Buffer, at: number): number {
  const digit = (offset: number) => (bytes[at + offset] ?? zero) - zero
  return digit(0) * 100 + digit(1) * 10 + digit(2)
}
