/** Which program comes from which Debian package: what setup.ts installs and what a skipped test names. */
export const packageOf: Readonly<Record<Program, readonly string[]>> = {
  // With TLS and AUTH, which swaks takes from these modules.
  swaks: ['swaks', 'libnet-ssleay-perl', 'libauthen-sasl-perl'],
  mbsync: ['isync'],
  mutt: ['mutt'],
  curl: ['curl'],
  openssl: ['openssl'],
  python3: ['python3'],
  fetchmail: ['fetchmail'],
  gsasl: ['gsasl'],
  passlib: ['python3-passlib'],
  named: ['bind9'],
  'dnssec-keygen': ['bind9-utils'],
  'dnssec-signzone': ['bind9-utils'],
  unbound: ['unbound'],
  // A terminal for mutt, which wants one.
  script: ['bsdutils'],
  nginx: ['nginx', 'libnginx-mod-stream'],
  haproxy: ['haproxy'],
  caddy: ['caddy'],
  // What the tests of durability record with.
  strace: ['strace'],
  postfix: ['postfix'],
}

export type Program =
  | 'swaks'
  | 'mbsync'
  | 'mutt'
  | 'curl'
  | 'openssl'
  | 'python3'
  | 'fetchmail'
  | 'gsasl'
  | 'passlib'
  | 'named'
  | 'dnssec-keygen'
  | 'dnssec-signzone'
  | 'unbound'
  | 'script'
  | 'nginx'
  | 'haproxy'
  | 'caddy'
  | 'strace'
  | 'postfix'

/** What is no program on the path, and where its package puts it. */
export const files: Readonly<Partial<Record<string, string>>> = {
  passlib: '/usr/lib/python3/dist-packages/passlib/__init__.py',
}

export const programs = Object.keys(packageOf) as Program[]
