/** Which program comes from which Debian package: what setup.ts installs and what a skipped test names. */
export const packageOf: Readonly<Record<Program, readonly string[]>> = {
  // With TLS and AUTH, which swaks takes from these modules.
  swaks: ['swaks', 'libnet-ssleay-perl', 'libauthen-sasl-perl'],
  mbsync: ['isync'],
  interimap: ['interimap'],
  getmail: ['getmail6'],
  offlineimap: ['offlineimap3'],
  imapfilter: ['imapfilter'],
  mutt: ['mutt'],
  neomutt: ['neomutt'],
  curl: ['curl'],
  openssl: ['openssl'],
  python3: ['python3'],
  fetchmail: ['fetchmail'],
  gsasl: ['gsasl'],
  passlib: ['python3-passlib'],
  // DKIM and ARC in Python, and what it reads Authentication-Results by.
  dkimpy: ['python3-dkim'],
  'opendkim-testmsg': ['opendkim-tools'],
  authres: ['python3-authres'],
  named: ['bind9'],
  'named-checkzone': ['bind9-utils'],
  'dnssec-keygen': ['bind9-utils'],
  'dnssec-signzone': ['bind9-utils'],
  unbound: ['unbound'],
  // The other server of a migration, and the client that does it.
  dovecot: ['dovecot-imapd'],
  'Mail::IMAPClient': ['libmail-imapclient-perl', 'libio-socket-ssl-perl'],
  // A terminal for mutt, which wants one.
  script: ['bsdutils'],
  nginx: ['nginx', 'libnginx-mod-stream'],
  haproxy: ['haproxy'],
  caddy: ['caddy'],
  // What the tests of durability record with.
  strace: ['strace'],
  postfix: ['postfix'],
  // With which Postfix signs in.
  'libsasl2-modules': ['libsasl2-modules'],
  exim4: ['exim4-daemon-light'],
  opensmtpd: ['opensmtpd'],
  // Of what these depend on, a database server is asked for that nobody needs.
  opendkim: ['opendkim'],
  opendmarc: ['opendmarc'],
}

export type Program =
  | 'swaks'
  | 'mbsync'
  | 'interimap'
  | 'getmail'
  | 'offlineimap'
  | 'imapfilter'
  | 'mutt'
  | 'neomutt'
  | 'curl'
  | 'openssl'
  | 'python3'
  | 'fetchmail'
  | 'gsasl'
  | 'passlib'
  | 'dkimpy'
  | 'opendkim-testmsg'
  | 'authres'
  | 'named'
  | 'named-checkzone'
  | 'dnssec-keygen'
  | 'dnssec-signzone'
  | 'unbound'
  | 'dovecot'
  | 'Mail::IMAPClient'
  | 'script'
  | 'nginx'
  | 'haproxy'
  | 'caddy'
  | 'strace'
  | 'postfix'
  | 'libsasl2-modules'
  | 'exim4'
  | 'opensmtpd'
  | 'opendkim'
  | 'opendmarc'

/**
 * A machine has one mail server: Debian's packages of others conflict with it, and has one list of name servers
 * that what filters mail asks. So these are unpacked (`unpack.ts`),
 * each into a folder that is a whole file system to its programs (`root.ts`), the daemon first.
 */
export const unpacked: Readonly<Partial<Record<Program, readonly [daemon: string, ...others: string[]]>>> = {
  exim4: ['/usr/sbin/exim4'],
  opensmtpd: ['/usr/sbin/smtpd', '/usr/libexec/opensmtpd/mail.maildir', '/bin/sh'],
  opendkim: ['/usr/sbin/opendkim'],
  opendmarc: ['/usr/sbin/opendmarc'],
}

/**
 * These are taken from the backports of the release, where there are any. The OpenSMTPD of Debian 12 itself ends
 * every TLS handshake as a server with an error (https://github.com/OpenSMTPD/OpenSMTPD/issues/1171).
 */
export const backported: readonly Program[] = ['opensmtpd']

/** Where it is unpacked. */
export const rootOf = (program: Program): string => `/var/cache/postern-test/${program}`

/** What is no program on the path, and where its package puts it. */
export const files: Readonly<Partial<Record<string, string>>> = {
  passlib: '/usr/lib/python3/dist-packages/passlib/__init__.py',
  dkimpy: '/usr/lib/python3/dist-packages/dkim/__init__.py',
  'Mail::IMAPClient': '/usr/share/perl5/Mail/IMAPClient.pm',
  authres: '/usr/lib/python3/dist-packages/authres/__init__.py',
  'libsasl2-modules': '/usr/share/doc/libsasl2-modules/copyright',
  exim4: rootOf('exim4') + unpacked.exim4![0],
  opensmtpd: rootOf('opensmtpd') + unpacked.opensmtpd![0],
  opendkim: rootOf('opendkim') + unpacked.opendkim![0],
  opendmarc: rootOf('opendmarc') + unpacked.opendmarc![0],
}

export const programs = Object.keys(packageOf) as Program[]
