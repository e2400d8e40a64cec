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
  // A terminal for mutt, which wants one.
  script: ['bsdutils'],
  nginx: ['nginx', 'libnginx-mod-stream'],
  haproxy: ['haproxy'],
  caddy: ['caddy'],
  // What the tests of durability record with.
  strace: ['strace'],
}

export type Program =
  | 'swaks'
  | 'mbsync'
  | 'mutt'
  | 'curl'
  | 'openssl'
  | 'python3'
  | 'fetchmail'
  | 'script'
  | 'nginx'
  | 'haproxy'
  | 'caddy'
  | 'strace'

export const programs = Object.keys(packageOf) as Program[]
