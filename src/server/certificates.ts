/** The certificates of this server. Without any in the configuration: one of our own making, kept in `certs/`. */
import { join } from 'node:path'
import type { Clock } from '#base/clock.ts'
import { loadOrCreateSelfSigned } from '#cert/self-signed.ts'
import type { CertificatePair } from '#net/certificate-set.ts'

/** Names under which clients on this machine reach the server, besides its own. */
const localNames = ['localhost', '127.0.0.1', '::1'] as const

export const loadCertificate = (
  directory: string,
  hostname: string,
  clock: Clock,
): Promise<CertificatePair> =>
  loadOrCreateSelfSigned(join(directory, 'certs'), [...new Set([hostname, ...localNames])], clock.now())
