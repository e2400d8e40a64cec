/**
 * The certificates of this server: those of the settings, or without any one of our own making, kept in
 * `certs/`. New handshakes get what the settings say now; sessions keep what they began with.
 */
import { join } from 'node:path'
import type { Clock } from '#base/clock.ts'
import { certificateExpires } from '#cert/events.ts'
import { expiryOf } from '#cert/expiry.ts'
import { certificateFacts } from '#cert/inspect.ts'
import { loadOrCreateSelfSigned } from '#cert/self-signed.ts'
import { certificate } from '#cert/settings.ts'
import type { CertificatePair } from '#net/certificate-set.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { systemSettings } from '../settings.ts'

/** Names under which clients on this machine reach the server, besides its own. */
const localNames = ['localhost', '127.0.0.1', '::1'] as const

export const loadSelfSigned = (directory: string, hostname: string, clock: Clock): Promise<CertificatePair> =>
  loadOrCreateSelfSigned(join(directory, 'certs'), [...new Set([hostname, ...localNames])], clock.now())

type Values = Pick<Settings, 'get' | 'each'>

/** For clients that ask for no name, or for one of no certificate, the first. */
export function certificatePairs(settings: Values, selfSigned: CertificatePair): readonly CertificatePair[] {
  const { defaultCertificateId } = settings.get(systemSettings)
  const all = settings.each(certificate)
  const first =
    all.find(({ id }) => id === defaultCertificateId) ??
    all.find((one) => one.default) ??
    all.find(({ id }) => id === 'default')
  const ordered = first === undefined ? all : [first, ...all.filter((one) => one !== first)]
  const pairs = ordered.flatMap(({ certificate: pem, privateKey }) =>
    privateKey === undefined ? [] : [{ certificate: pem, key: privateKey.reveal() }],
  )
  return pairs.length > 0 ? pairs : [selfSigned]
}

export const usesSelfSigned = (settings: Values): boolean => settings.each(certificate).length === 0

/** Sentences about what was asked for and cannot be. */
export function certificateWarnings(settings: Values): readonly string[] {
  const { defaultCertificateId: id } = settings.get(systemSettings)
  if (id === undefined || settings.each(certificate).some((one) => one.id === id)) return []
  return [`SystemSettings.defaultCertificateId has no effect: there is no certificate "${id}"`]
}

/** Tells of each certificate that clients refuse, or will soon. */
export function tellExpiring(settings: Values, telemetry: Telemetry, clock: Clock): void {
  for (const { id, certificate: pem } of settings.each(certificate)) {
    const facts = certificateFacts(pem)
    const expiry = facts && expiryOf(facts, clock.now())
    if (expiry === undefined) continue
    const names = facts!.subjectAlternativeNames.slice(0, 5).join(', ')
    telemetry.emit(certificateExpires, { certificate: id, names, ...expiry })
  }
}

const dayMs = 86_400_000

/** Now, whenever certificates change, and once a day. */
export function watchExpiry(settings: Settings, telemetry: Telemetry, clock: Clock): Disposable {
  const tell = (): void => tellExpiring(settings, telemetry, clock)
  tell()
  const timer = setInterval(tell, dayMs).unref()
  const subscription = settings.onChange(certificate, tell)
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      subscription[Symbol.dispose]()
    },
  }
}
