/**
 * Debian's unbound with records that a test gives it, at port 53 of an address of its own on the loopback: for
 * programs that find it in resolv.conf, where no other port can be said. Needs root.
 */
import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '../harness/store.ts'
import { Daemon } from './daemon.ts'
import { run } from './program.ts'

export interface LocalNames extends AsyncDisposable {
  readonly address: string
  /** For the server under test. */
  readonly config: string
  /** A record in the form of a zone file. */
  add(record: string): Promise<void>
}

/** The data of a TXT record: strings of at most 255 octets. */
export const txt = (text: string): string =>
  `TXT ${text
    .match(/.{1,255}/g)!
    .map((part) => `"${part}"`)
    .join(' ')}`

/** `port` is one that nobody else has: the address is made of it. There is nothing but what was added. */
export async function startLocalNames(port: number): Promise<LocalNames> {
  await using undo = new AsyncDisposableStack()
  const folder = temporaryDirectory()
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const address = `127.53.${port >> 8}.${port & 255}`
  const file = join(folder, 'unbound.conf')
  writeFileSync(file, configuration(address, folder))
  undo.use(await Daemon.start('unbound', ['-d', '-c', file], 'start of service'))
  const everything = undo.move()
  return {
    address,
    config: `[DnsResolver]\ntype = "custom"\nservers = [{ address = "${address}" }]\n`,
    add: async (record) => void (await run('unbound-control', ['-c', file, 'local_data', record])),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

const configuration = (address: string, folder: string): string => `
server:
  interface: ${address}
  module-config: "iterator"
  local-zone: "." static
  use-syslog: no
  logfile: ""
  username: ""
  chroot: ""
  pidfile: ""
remote-control:
  control-enable: yes
  control-interface: ${folder}/control
  control-use-cert: no
`
