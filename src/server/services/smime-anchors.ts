/** Whom we believe when a certificate says whose mail it signs: see `Jmap.smimeTrustAnchors`. */
import { X509Certificate } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import { jmapSettings } from '#jmap/settings.ts'
import type { Settings } from '#settings/object.ts'

const marker = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/** In DER; read anew where the setting has changed. */
export function smimeAnchors(settings: Pick<Settings, 'get'>): () => readonly Uint8Array[] {
  let known: { readonly pem: string | undefined; readonly anchors: readonly Uint8Array[] } | undefined
  return () => {
    const { smimeTrustAnchors: pem } = settings.get(jmapSettings)
    if (known === undefined || known.pem !== pem)
      known = { pem, anchors: (pem?.match(marker) ?? ofSystem()).flatMap(derOf) }
    return known.anchors
  }
}

const ofSystem = (): readonly string[] => [
  ...new Set([...getCACertificates('bundled'), ...getCACertificates('system')]),
]

/** One that cannot be read is none. */
function derOf(pem: string): readonly Uint8Array[] {
  try {
    return [new X509Certificate(pem).raw]
  } catch {
    return []
  }
}
