/**
 * Internet addresses as bytes: 4 for IPv4, 16 for IPv6. An IPv4-mapped IPv6 address (::ffff:192.0.2.1), which
 * a dual-stack socket reports for IPv4 peers, is the IPv4 address everywhere, so limits and block lists
 * cannot be evaded by its other spelling. Text is written as RFC 5952 demands, read as RFC 4291 §2.2 allows.
 */

/** Longest text: eight groups with a dotted quad is 45 characters; a zone after `%` is cut off before. */
const longestText = 45

function parseIpv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (match === null) return undefined
  const bytes = new Uint8Array(4)
  for (let i = 0; i < 4; i++) {
    const digits = match[i + 1]!
    // A leading zero means octal to some readers, so it is refused.
    if (digits.length > 1 && digits.startsWith('0')) return undefined
    const value = Number(digits)
    if (value > 255) return undefined
    bytes[i] = value
  }
  return bytes
}

/** The 16-bit groups of one side of `::`, the dotted quad at the end already being two groups. */
function readGroups(text: string): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  for (const group of text.split(':')) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined
    groups.push(Number.parseInt(group, 16))
  }
  return groups
}

function parseIpv6(text: string): Uint8Array | undefined {
  let hex = text
  const lastColon = text.lastIndexOf(':')
  if (text.includes('.', lastColon)) {
    const quad = parseIpv4(text.slice(lastColon + 1))
    if (quad === undefined) return undefined
    const high = ((quad[0]! << 8) | quad[1]!).toString(16)
    const low = ((quad[2]! << 8) | quad[3]!).toString(16)
    hex = `${text.slice(0, lastColon + 1)}${high}:${low}`
  }
  const sides = hex.split('::')
  if (sides.length > 2) return undefined
  const head = readGroups(sides[0]!)
  const tail = sides.length === 2 ? readGroups(sides[1]!) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  // RFC 4291 §2.2 and RFC 5952 §4.2.2: `::` stands for one group at least.
  if (sides.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail]
  const bytes = new Uint8Array(16)
  for (let i = 0; i < 8; i++) {
    bytes[2 * i] = groups[i]! >> 8
    bytes[2 * i + 1] = groups[i]! & 0xff
  }
  return bytes
}

const isMapped = (ip: Uint8Array): boolean => {
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false
  return ip[10] === 0xff && ip[11] === 0xff
}

/** 4 or 16 bytes; undefined where the text is no address. A zone (`fe80::1%eth0`) is ignored. */
export function parseIp(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return text.length <= 15 ? parseIpv4(text) : undefined
  const zone = text.indexOf('%')
  const address = zone === -1 ? text : text.slice(0, zone)
  if (address.length > longestText) return undefined
  const ip = parseIpv6(address)
  return ip !== undefined && isMapped(ip) ? ip.slice(12) : ip
}

/** RFC 5952 §4: lower case, no leading zeros, `::` for the first longest run of two or more zero groups. */
export function formatIp(ip: Uint8Array): string {
  if (ip.length === 4) return `${ip[0]}.${ip[1]}.${ip[2]}.${ip[3]}`
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((ip[i]! << 8) | ip[i + 1]!)
  let start = -1
  let longest = 1
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && groups[i + length] === 0) length++
    if (length > longest) {
      start = i
      longest = length
    }
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  return start === -1 ? hex(0, 8) : `${hex(0, start)}::${hex(start + longest, 8)}`
}

/** The one spelling of an address, for keys and comparison; undefined where the text is no address. */
export function normaliseIp(text: string): string | undefined {
  const ip = parseIp(text)
  return ip === undefined ? undefined : formatIp(ip)
}

/** 127.0.0.0/8 and ::1. */
export const isLoopbackIp = (ip: Uint8Array): boolean =>
  ip.length === 4 ? ip[0] === 127 : ip[15] === 1 && ip.every((byte, i) => i === 15 || byte === 0)

/** The address backwards, as the left part of names below in-addr.arpa, ip6.arpa or a DNS block list (RFC 5782 §2). */
function reverseLabels(ip: Uint8Array): string {
  const labels: string[] = []
  for (let i = ip.length - 1; i >= 0; i--) {
    const byte = ip[i]!
    if (ip.length === 4) labels.push(String(byte))
    else labels.push((byte & 15).toString(16), (byte >> 4).toString(16))
  }
  return labels.join('.')
}

/** The name whose PTR record names the host: RFC 1035 §3.5, RFC 3596 §2.5. */
export const reverseName = (ip: Uint8Array): string =>
  `${reverseLabels(ip)}.${ip.length === 4 ? 'in-addr' : 'ip6'}.arpa`

/** Addresses that share their first `prefixBits` bits; all further bits of `address` are zero. */
export interface IpNetwork {
  readonly address: Uint8Array
  readonly prefixBits: number
}

/**
 * `192.0.2.0/24`, `2001:db8::/32`, or a single address. Bits beyond the prefix are cleared, since people write
 * `192.0.2.1/24` and mean the network. Undefined where the text is no network.
 */
export function parseNetwork(text: string): IpNetwork | undefined {
  const slash = text.indexOf('/')
  const spelled = slash === -1 ? text : text.slice(0, slash)
  const address = parseIp(spelled)
  if (address === undefined) return undefined
  // A prefix of an IPv4-mapped spelling counts from the start of the 128 bits.
  const skipped = address.length === 4 && spelled.includes(':') ? 96 : 0
  let prefixBits = address.length * 8
  if (slash !== -1) {
    const digits = text.slice(slash + 1)
    if (!/^(?:0|[1-9]\d{0,2})$/.test(digits)) return undefined
    prefixBits = Number(digits) - skipped
    if (prefixBits < 0 || prefixBits > address.length * 8) return undefined
  }
  return networkOf(address, prefixBits)
}

/** The network that the address lies in. `prefixBits` is at most 8 times the length of the address. */
export const networkOf = (ip: Uint8Array, prefixBits: number): IpNetwork => ({
  address: ip.map((byte, i) => byte & maskByte(prefixBits, i)),
  prefixBits,
})

const maskByte = (prefixBits: number, index: number): number => {
  const bits = Math.min(8, Math.max(0, prefixBits - 8 * index))
  return (0xff << (8 - bits)) & 0xff
}

/** An IPv6 network holds no IPv4 address and the other way round. */
export function networkContains(network: IpNetwork, ip: Uint8Array): boolean {
  if (network.address.length !== ip.length) return false
  for (let i = 0; i * 8 < network.prefixBits; i++)
    if ((ip[i]! & maskByte(network.prefixBits, i)) !== network.address[i]) return false
  return true
}

export const formatNetwork = (network: IpNetwork): string =>
  `${formatIp(network.address)}/${network.prefixBits}`

/** RFC 6890 with its registries: what is not for everybody's use, or leads into some other network. */
const specialNetworks: readonly IpNetwork[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
].map((text) => parseNetwork(text)!)

/** That anybody may be reached there: not on this machine, not in a network of its own. */
export const isPublicIp = (ip: Uint8Array): boolean =>
  !specialNetworks.some((network) => networkContains(network, ip))
