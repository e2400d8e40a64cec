/**
 * Debian's Postfix in a temporary folder, on a port of its own: it takes mail for one domain, by TLS, and sends
 * everything on to the server under test, by TLS too. What it may change is what every server on the way does
 * (Received); long lines are not broken. Needs root, as Postfix does.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSelfSigned } from '#cert/self-signed.ts'

export interface PostfixSetup {
  readonly port: number
  readonly domain: string
  /** Addresses of the domain, and where they lead. */
  readonly aliases: Readonly<Record<string, string>>
  /** Where everything goes from there. */
  readonly next: number
}

export interface RunningPostfix extends Disposable {
  readonly log: string
}

/** Ready when it answers, which its start waits for. */
export function startPostfix(setup: PostfixSetup): RunningPostfix {
  const directory = mkdtempSync(join(tmpdir(), 'postern-postfix-'))
  chmodSync(directory, 0o755)
  const { certificate, key } = createSelfSigned([`mx.${setup.domain}`], Date.now())
  const aliases = Object.entries(setup.aliases).map(([from, to]) => `${from} ${to}\n`)
  for (const folder of ['etc', 'data', 'queue']) mkdirSync(join(directory, folder))
  writeFileSync(join(directory, 'certificate.pem'), certificate)
  writeFileSync(join(directory, 'key.pem'), key, { mode: 0o600 })
  writeFileSync(join(directory, 'aliases'), aliases.join(''))
  writeFileSync(join(directory, 'etc/main.cf'), mainConfiguration(directory, setup))
  writeFileSync(join(directory, 'etc/master.cf'), services(setup.port))
  const owner = Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'latin1' }))
  chownSync(join(directory, 'data'), owner, 0)
  const control = (command: string): void =>
    void execFileSync('postfix', ['-c', join(directory, 'etc'), command], { stdio: 'pipe' })
  control('start')
  return {
    get log() {
      return readFileSync(join(directory, 'log'), 'latin1')
    },
    [Symbol.dispose]() {
      control('stop')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

const mainConfiguration = (directory: string, { domain, next }: PostfixSetup): string => `
compatibility_level = 3.6
queue_directory = ${directory}/queue
data_directory = ${directory}/data
maillog_file = ${directory}/log
maillog_file_prefixes = ${directory}
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.${domain}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_alias_domains = ${domain}
virtual_alias_maps = texthash:${directory}/aliases
relayhost = [127.0.0.1]:${next}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_line_length_limit = 0
smtp_tls_security_level = encrypt
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${directory}/certificate.pem
smtpd_tls_key_file = ${directory}/key.pem
smtpd_tls_received_header = yes
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
message_size_limit = 20000000
minimal_backoff_time = 1s
queue_run_delay = 1s
biff = no
`

/** Debian's, none of them in a chroot. */
const services = (port: number): string => `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
