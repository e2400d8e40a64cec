/** Who issues certificates, by their names in certificates, with their domains in CAA records (RFC 8659 §4.2). */
const domains: Readonly<Record<string, string>> = {
  "Let's Encrypt": 'letsencrypt.org',
  ZeroSSL: 'sectigo.com',
  'Sectigo Limited': 'sectigo.com',
  'Google Trust Services': 'pki.goog',
  'Google Trust Services LLC': 'pki.goog',
  'DigiCert Inc': 'digicert.com',
  'GlobalSign nv-sa': 'globalsign.com',
  'Buypass AS-983163327': 'buypass.com',
  'SSL Corporation': 'ssl.com',
}

/** `issuer` as node gives it, a line for each part of the name; undefined for one that is not known. */
export function authorityOf(issuer: string): string | undefined {
  const organization = /^O=(.+)$/m.exec(issuer)?.[1] ?? ''
  return Object.hasOwn(domains, organization) ? domains[organization] : undefined
}
