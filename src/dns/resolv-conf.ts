/**
 * The name servers of the system, from resolv.conf(5). Read anew when the file has changed, at most every few
 * seconds. Of its options only `trust-ad` counts; search domains never do.
 */
import { readFile, stat } from 'node:fs/promises'
import type { Clock } from '#base/clock.ts'
import { parseIp } from '#base/ip.ts'
import type { NameServerAddress } from './name-server.ts'

const mostServers = 8
const mostBytes = 64 * 1024
const lookEveryMs = 5000

/** `trust-ad` says that the system's servers validate, and that the way to them is safe. */
export function parseResolvConf(text: string): readonly NameServerAddress[] {
  const addresses: string[] = []
  let trusted = false
  for (const line of text.slice(0, mostBytes).split('\n')) {
    const [word = '', ...values] = line.split(/[ \t\r]+/)
    if (word === 'nameserver' && values[0] !== undefined && parseIp(values[0]) !== undefined)
      addresses.push(values[0])
    if (word === 'options' && values.includes('trust-ad')) trusted = true
  }
  const found = addresses.length === 0 ? ['127.0.0.1'] : addresses.slice(0, mostServers)
  return found.map((address) => ({ address, port: 53, protocol: 'udp', trusted }))
}

export class SystemServers {
  readonly #path: string
  readonly #clock: Clock
  readonly #onTrouble: (reason: string) => void
  #lookedAtMs = -Infinity
  /** Of the file that was read. */
  #version = ''
  #servers = parseResolvConf('')
  #looking = Promise.resolve(this.#servers)

  /** `onTrouble` hears once for each state of the file in which it cannot be read. */
  constructor(path: string, clock: Clock, onTrouble: (reason: string) => void) {
    this.#path = path
    this.#clock = clock
    this.#onTrouble = onTrouble
  }

  /** The same array until something has changed. */
  current(): Promise<readonly NameServerAddress[]> {
    const now = this.#clock.now()
    // Who comes while it is read waits for that: nobody has read it before the first time.
    if (now - this.#lookedAtMs < lookEveryMs) return this.#looking
    this.#lookedAtMs = now
    this.#looking = this.#look()
    return this.#looking
  }

  async #look(): Promise<readonly NameServerAddress[]> {
    try {
      const { mtimeMs, ino, size } = await stat(this.#path)
      const version = `${mtimeMs} ${ino} ${size}`
      if (version === this.#version) return this.#servers
      const servers = parseResolvConf(await readFile(this.#path, 'utf8'))
      this.#version = version
      if (JSON.stringify(servers) !== JSON.stringify(this.#servers)) this.#servers = servers
    } catch (error) {
      const reason = (error as Error).message
      if (reason !== this.#version) this.#onTrouble(reason)
      this.#version = reason
    }
    return this.#servers
  }
}
