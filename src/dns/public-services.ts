/** Public resolvers that validate signatures, by the words of the settings. */
import type { NameServerAddress } from './name-server.ts'

const services = {
  cloudflare: {
    tlsName: 'one.one.one.one',
    addresses: ['1.1.1.1', '1.0.0.1', '2606:4700:4700::1111', '2606:4700:4700::1001'],
  },
  quad9: { tlsName: 'dns.quad9.net', addresses: ['9.9.9.9', '149.112.112.112', '2620:fe::fe', '2620:fe::9'] },
  google: {
    tlsName: 'dns.google',
    addresses: ['8.8.8.8', '8.8.4.4', '2001:4860:4860::8888', '2001:4860:4860::8844'],
  },
} as const

/** Without TLS anybody on the way could set the AD bit, so it is not believed then. */
export const publicServers = (
  service: keyof typeof services,
  useTls: boolean,
): readonly NameServerAddress[] => {
  const { tlsName, addresses } = services[service]
  return addresses.map((address) =>
    useTls
      ? { address, port: 853, protocol: 'tls', tlsName, trusted: true }
      : { address, port: 53, protocol: 'udp', trusted: false },
  )
}
