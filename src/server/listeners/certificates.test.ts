import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedClock } from '#base/clock.ts'
import { certificateFacts } from '#cert/inspect.ts'
import type { CertificatePair } from '#net/certificate-set.ts'
import { LiveSettings } from '#registry/live.ts'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'
import { testCertificate, testKey } from '../../../test/harness/certificates.ts'
import { settingsObjects } from '../catalog.ts'
import { certificatePairs, certificateWarnings, tellExpiring, usesSelfSigned } from './certificates.ts'

const selfSigned: CertificatePair = { certificate: 'self', key: 'self' }
const ecdsa = testCertificate('server-chain')
const rsa = testCertificate('server-rsa')

function settingsOf(more = ''): LiveSettings {
  const settings = new LiveSettings(settingsObjects)
  settings.loadText(
    `${more}
[certificate.a]
cert = """${ecdsa}"""
private-key = """${testKey('server')}"""
[certificate.b]
cert = """${rsa}"""
private-key = """${testKey('server-rsa')}"""
`,
    'x.toml',
  )
  return settings
}

test('the default is the first; the self-signed one only where there is no other', () => {
  const none = new LiveSettings(settingsObjects)
  assert.deepEqual(certificatePairs(none, selfSigned), [selfSigned])
  assert.equal(usesSelfSigned(none), true)
  const first = (settings: LiveSettings): string => certificatePairs(settings, selfSigned)[0]!.certificate
  assert.equal(first(settingsOf()), ecdsa)
  assert.equal(first(settingsOf('Certificate.b.default = true')), rsa)
  assert.equal(first(settingsOf('SystemSettings.defaultCertificateId = "b"')), rsa)
  assert.deepEqual(certificateWarnings(settingsOf('SystemSettings.defaultCertificateId = "b"')), [])
  assert.match(
    certificateWarnings(settingsOf('SystemSettings.defaultCertificateId = "c"'))[0]!,
    /there is no certificate "c"$/,
  )
  assert.equal(certificatePairs(settingsOf(), selfSigned).length, 2)
  assert.equal(usesSelfSigned(settingsOf()), false)
})

test('what clients refuse soon, or refuse already, is told', () => {
  const told: unknown[] = []
  const telemetry: Telemetry = { ...silentTelemetry, emit: (_, values) => void told.push(values) }
  const endsAt = certificateFacts(ecdsa)!.notValidAfterMs
  const clock = fixedClock(endsAt - 30 * 86_400_000)
  tellExpiring(settingsOf(), telemetry, clock)
  assert.deepEqual(told, [])
  clock.advance(40 * 86_400_000)
  tellExpiring(settingsOf(), telemetry, clock)
  assert.deepEqual(told[0], {
    certificate: 'a',
    names: 'mail.example.com, *.example.com',
    notValidAfter: new Date(endsAt).toISOString(),
    daysLeft: -10,
  })
})
