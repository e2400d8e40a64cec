/**
 * Debian's Exim, unpacked. Its limits and its ways are those that it has by itself, apart from what is said
 * here; DSN is what it has to be told to offer.
 */
import { testCertificate, testKey } from '../../harness/certificates.ts'
import { Root } from '../root.ts'
import { answers, nameOf, type Peer, type PeerSetup } from './peer.ts'

const user = 'Debian-exim'
const files = '/etc/exim4'
const spool = '/var/spool/exim4'
const log = '/var/log/exim4'
const mailbox = '/mail'

export const exim: Peer = {
  name: 'Exim',
  program: 'exim4',
  lacks: [],
  receivedByTls: /by mx\.\S+ with (?:utf8)?esmtps\s+\(TLS1\.3\)/,
  recipientField: 'Envelope-to',
  refusal: { status: '5.0.0', said: /^smtp; 550 Unrouteable address$/ },
  // As they came, in xtext.
  reports: { envelopeId: 'E+2B1', originalRecipient: 'rfc822;first+2Bone@elsewhere.example' },
  async start(setup) {
    await using stack = new AsyncDisposableStack()
    const root = stack.use(new Root('exim4', { [user]: 101 }))
    root.write(`${files}/exim4.conf`, configuration(setup))
    root.write(`${files}/certificate.pem`, testCertificate('server'))
    root.write(`${files}/key.pem`, testKey('server'), { mode: 0o600, user })
    for (const folder of [spool, log, mailbox]) root.makeFolder(folder, user)
    const logged = (): string => `${root.output}${root.read(`${log}/mainlog`)}${root.read(`${log}/paniclog`)}`
    root.start(['-bdf', '-q1s'])
    await answers(setup.port, logged)
    const running = stack.move()
    return {
      mailbox: root.path(mailbox),
      get log() {
        return logged()
      },
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    }
  },
}

const configuration = ({ port, domain, next }: PeerSetup): string => `
primary_hostname = ${nameOf(domain)}
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
spool_directory = ${spool}
log_file_path = ${log}/%slog
keep_environment =
host_lookup =
tls_certificate = ${files}/certificate.pem
tls_privatekey = ${files}/key.pem
dsn_advertise_hosts = *
smtp_accept_max_per_connection = 0
acl_smtp_rcpt = recipient
acl_smtp_data = accept

begin acl
recipient:
  require verify = recipient
  accept

begin routers
here:
  driver = accept
  domains = ${domain}
  local_parts = ! nobody
  transport = mailbox
there:
  driver = manualroute
  domains = ! ${domain}
  route_list = * 127.0.0.1
  self = send
  transport = server

begin transports
mailbox:
  driver = appendfile
  directory = ${mailbox}
  maildir_format
  user = ${user}
  return_path_add
  envelope_to_add
server:
  driver = smtp
  port = ${next}
  hosts_require_tls = *

begin retry
* * F,1h,1s
`
