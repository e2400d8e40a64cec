/** Debian's OpenSMTPD, unpacked. */
import { testCertificate, testKey } from '../../harness/certificates.ts'
import { Root } from '../root.ts'
import { answers, nameOf, type Peer, type PeerSetup } from './peer.ts'

const files = '/etc/mail'
const mailbox = '/mail'

export const openSmtpd: Peer = {
  name: 'OpenSMTPD',
  program: 'opensmtpd',
  lacks: ['utf8', 'quoted'],
  receivedByTls: /by mx\.\S+ \(OpenSMTPD\) with ESMTPS id \S+ \(TLSv1\.3:/,
  recipientField: 'Delivered-To',
  refusal: { status: '5.0.0', said: /^smtp; 550 Invalid recipient: <nobody@peer\.example>$/ },
  reports: {},
  async start(setup) {
    await using stack = new AsyncDisposableStack()
    const root = stack.use(new Root('opensmtpd', { opensmtpd: 101, opensmtpq: 102, mail: 103 }))
    root.write('/etc/smtpd.conf', configuration(setup))
    // With a key of ECDSA it ends every handshake with an internal error: its OpenSSL engine for it does not work.
    root.write(`${files}/certificate.pem`, testCertificate('server'))
    root.write(`${files}/key.pem`, testKey('server'), { mode: 0o600 })
    root.write('/etc/ssl/certs/ca-certificates.crt', testCertificate('root'))
    root.makeFolder('/var/lib/opensmtpd/empty')
    for (const folder of ['/var/run', '/var/spool']) root.makeFolder(folder)
    root.makeFolder(mailbox, 'mail')
    root.start(['-d'])
    await answers(setup.port, () => root.output)
    const running = stack.move()
    return {
      mailbox: root.path(mailbox),
      get log() {
        return root.output
      },
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    }
  },
}

const configuration = ({ port, domain, next }: PeerSetup): string => `
pki peer cert "${files}/certificate.pem"
pki peer key "${files}/key.pem"
table everybody { "@" = mail }
smtp max-message-size 20M
smtp limit max-mails 100000
listen on 127.0.0.1 port ${port} tls pki peer hostname ${nameOf(domain)}
action mailbox maildir "${mailbox}" virtual <everybody>
action server relay host "smtp+tls://127.0.0.1:${next}" tls no-verify helo ${nameOf(domain)}
match from any for rcpt-to "nobody@${domain}" reject
match from any for domain "${domain}" action mailbox
match from any for any action server
`
