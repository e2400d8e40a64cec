/**
 * Debian's bind9 and unbound on the loopback: bind9 has the zones, one unsigned, one signed, one whose
 * signatures are wrong; unbound asks it, validates, and answers over UDP, TCP, TLS and HTTPS.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { certificatePath } from '../harness/certificates.ts'
import { freePorts } from '../harness/free-ports.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { Daemon } from './daemon.ts'
import { run } from './program.ts'

export interface NameServers extends AsyncDisposable {
  /** Without recursion. */
  readonly bind: { readonly port: number; readonly tls: number; readonly https: number }
  /** Validates. */
  readonly unbound: { readonly port: number; readonly tls: number; readonly https: number }
}

export const zoneText = `$TTL 300
@ IN SOA ns root 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
@ IN A 192.0.2.1
@ IN A 192.0.2.2
@ IN AAAA 2001:db8::1
@ IN MX 10 mx
@ IN MX 20 mx.elsewhere.example.
@ IN TXT "v=spf1 " "-all"
@ IN TXT "a \\"quoted\\" \\\\ text\\195\\164"
@ IN CAA 0 issue "ca.example"
@ IN TYPE65280 \\# 3 000102
mx IN A 192.0.2.25
alias IN CNAME other
other IN CNAME mx
away IN CNAME mx.plain.example.
_25._tcp.mx IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_imaps._tcp IN SRV 0 1 993 imap
1 IN PTR mx
\\@odd\\.label IN A 192.0.2.9
${Array.from({ length: 40 }, (_, i) => `large IN TXT "${i} ${'x'.repeat(200)}"`).join('\n')}
`

/** Signs the zone; its key as a trust anchor. */
async function sign(folder: string, zone: string): Promise<string> {
  const o = { folder }
  await run('dnssec-keygen', ['-q', '-a', 'ECDSAP256SHA256', '-f', 'KSK', '-n', 'ZONE', zone], o)
  await run('dnssec-signzone', ['-q', '-S', '-z', '-o', zone, zone], o)
  const key = readdirSync(folder).find((name) => name.startsWith(`K${zone}.`) && name.endsWith('.key'))!
  const text = readFileSync(join(folder, key), 'utf8')
  return text.split('\n').find((line) => line.includes('DNSKEY'))!
}

export async function startNameServers(): Promise<NameServers> {
  await using undo = new AsyncDisposableStack()
  const folder = temporaryDirectory()
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const { ports, ...guard } = await freePorts(6)
  undo.defer(() => guard[Symbol.asyncDispose]())
  const [bindPort, bindTls, bindHttps, port, tls, https] = ports as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  for (const zone of ['plain.example', 'signed.example', 'bogus.example'])
    writeFileSync(join(folder, zone), zoneText)
  const anchors = [await sign(folder, 'signed.example'), await sign(folder, 'bogus.example')]
  const bogus = join(folder, 'bogus.example.signed')
  writeFileSync(bogus, readFileSync(bogus, 'utf8').replaceAll('192.0.2.1\n', '192.0.2.66\n'))

  writeFileSync(
    join(folder, 'named.conf'),
    namedConf(folder, { port: bindPort, tls: bindTls, https: bindHttps }),
  )
  undo.use(await Daemon.start('named', ['-g', '-c', join(folder, 'named.conf')], ' running'))
  writeFileSync(join(folder, 'unbound.conf'), unboundConf({ port, tls, https }, bindPort, anchors))
  undo.use(await Daemon.start('unbound', ['-d', '-c', join(folder, 'unbound.conf')], 'start of service'))
  const everything = undo.move()
  return {
    bind: { port: bindPort, tls: bindTls, https: bindHttps },
    unbound: { port, tls, https },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

const zoneConf = (zone: string, file: string): string => `zone "${zone}" { type primary; file "${file}"; };`

const namedConf = (folder: string, at: NameServers['bind']): string => `
options {
  directory "${folder}";
  pid-file "${folder}/named.pid";
  session-keyfile "${folder}/session.key";
  listen-on port ${at.port} { 127.0.0.1; };
  listen-on port ${at.tls} tls test { 127.0.0.1; };
  listen-on port ${at.https} tls test http default { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  notify no;
  check-names primary ignore;
};
tls test { cert-file "${certificatePath('server-chain')}"; key-file "${certificatePath('server.key')}"; };
controls {};
${zoneConf('plain.example', 'plain.example')}
${zoneConf('signed.example', 'signed.example.signed')}
${zoneConf('bogus.example', 'bogus.example.signed')}
`

const unboundConf = (at: NameServers['unbound'], bindPort: number, anchors: readonly string[]): string => `
server:
  interface: 127.0.0.1@${at.port}
  interface: 127.0.0.1@${at.tls}
  interface: 127.0.0.1@${at.https}
  tls-port: ${at.tls}
  https-port: ${at.https}
  tls-service-pem: "${certificatePath('server-chain')}"
  tls-service-key: "${certificatePath('server.key')}"
  module-config: "validator iterator"
  do-not-query-localhost: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  username: ""
  chroot: ""
  pidfile: ""
  ede: yes
${anchors.map((anchor) => `  trust-anchor: "${anchor.replaceAll('\t', ' ')}"`).join('\n')}
${['plain', 'signed', 'bogus'].map((zone) => `stub-zone:\n  name: "${zone}.example."\n  stub-addr: 127.0.0.1@${bindPort}`).join('\n')}
`
