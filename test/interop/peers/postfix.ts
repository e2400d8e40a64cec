/** Debian's Postfix as it is installed, with its configuration, queue and mailbox in a temporary folder. */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testCertificate, testKey } from '../../harness/certificates.ts'
import { answers, nameOf, type Peer, type PeerSetup } from './peer.ts'

/** What a test adds: lines of main.cf and of master.cf, and files of the folder, by name. */
export interface PostfixAdditions {
  readonly main: string
  readonly master: string
  readonly files: Readonly<Record<string, string>>
}

const nothing: PostfixAdditions = { main: '', master: '', files: {} }

export const postfix: Peer = postfixWith(() => nothing)

export function postfixWith(added: (setup: PeerSetup, folder: string) => PostfixAdditions): Peer {
  return {
    name: 'Postfix',
    program: 'postfix',
    lacks: [],
    receivedByTls: /\(using TLSv1\.3 with cipher [^]*by mx\.\S+ \(Postfix\) with (?:UTF8SMTP|E?SMTP)S\b/,
    recipientField: 'Delivered-To',
    refusal: {
      status: '5.1.1',
      said: /^smtp; 550 5\.1\.1 <nobody@peer\.example>: Recipient address rejected: /,
    },
    reports: { envelopeId: 'E+1', originalRecipient: 'rfc822;first+one@elsewhere.example' },
    async start(setup) {
      await using stack = new AsyncDisposableStack()
      const folder = mkdtempSync(join(tmpdir(), 'postern-postfix-'))
      stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
      prepare(folder, setup, added(setup, folder))
      const control = (command: string): void =>
        void execFileSync('postfix', ['-c', join(folder, 'etc'), command], { stdio: 'pipe' })
      control('start')
      stack.defer(() => control('abort'))
      const logged = (): string => readFileSync(join(folder, 'log'), 'latin1')
      await answers(setup.port, logged)
      const running = stack.move()
      return {
        mailbox: join(folder, 'mail'),
        get log() {
          return logged()
        },
        [Symbol.asyncDispose]: () => running.disposeAsync(),
      }
    },
  }
}

function prepare(folder: string, setup: PeerSetup, { main, master, files }: PostfixAdditions): void {
  chmodSync(folder, 0o755)
  for (const name of ['etc', 'data', 'queue', 'mail']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'certificate.pem'), testCertificate('server'))
  writeFileSync(join(folder, 'key.pem'), testKey('server'), { mode: 0o600 })
  writeFileSync(join(folder, 'mailboxes'), '!/^nobody@/ mail/\n')
  writeFileSync(join(folder, 'etc/main.cf'), configuration(folder, setup) + main)
  writeFileSync(join(folder, 'etc/master.cf'), usualServices(setup.port) + master)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  for (const name of ['data', 'mail']) chownSync(join(folder, name), owner(), 0)
}

const owner = (): number => Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'latin1' }))

const configuration = (folder: string, { domain, next }: PeerSetup): string => `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = ${nameOf(domain)}
mydestination =
mynetworks = 127.0.0.1
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = ${domain}
virtual_mailbox_maps = regexp:${folder}/mailboxes
virtual_mailbox_base = ${folder}
virtual_minimum_uid = 1
virtual_uid_maps = static:${owner()}
virtual_gid_maps = static:${owner()}
relayhost = [127.0.0.1]:${next}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = encrypt
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${folder}/certificate.pem
smtpd_tls_key_file = ${folder}/key.pem
smtpd_tls_received_header = yes
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
message_size_limit = 20000000
virtual_mailbox_limit = 0
minimal_backoff_time = 1s
queue_run_delay = 1s
biff = no
`

/** Debian's, none of them in a chroot. */
const usualServices = (port: number): string => `127.0.0.1:${port} inet n - n - - smtpd
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
virtual unix - n n - - virtual
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
