/** Addresses as sockets show them, and what of them counts as one client. */

/** An IPv4 address as such where the socket shows it as IPv6 (RFC 4291 §2.5.5.2). */
export function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') === true && address.includes('.') ? address.slice(7) : address
}

/** What counts as one client: an IPv4 address, or the /64 that one IPv6 site has at least. */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return ip
  const [head = '', tail] = ip.split('%', 1)[0]!.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length
    while (groups.length < 8 - after) groups.push('0')
  }
  return groups.slice(0, 4).join(':')
}
