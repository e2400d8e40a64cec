/** Mark certificates that authorities have issued, with their roots, as the library @postalsys/vmc brings them. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import { readEvidence } from '#mailauth/bimi-vmc.ts'

// It comes with mailauth.
const fromMailauth = createRequire(createRequire(import.meta.url).resolve('mailauth'))
const folder = path.join(path.dirname(fromMailauth.resolve('@postalsys/vmc')), '../test/fixtures')
const read = (name: string) => readFileSync(path.join(folder, `${name}.pem`))
const roots = ['digicert', 'entrust_vmc_specific', 'globalsign-root'].map(
  (name) => new X509Certificate(read(name)),
)

const outcome = (name: string, domain: string, day: string, trustedRoots = roots): number | string => {
  const question = { evidence: read(name), trustedRoots, domains: [domain], selector: 'default' }
  const result = readEvidence({ ...question, now: new Date(day) })
  return 'svg' in result ? result.svg.length : result.problem
}

test('verified and common mark certificates of three authorities', () => {
  assert.equal(outcome('cnn', 'cnn.com', '2022-01-01'), 1725)
  assert.equal(outcome('redshift', 'redsift.com', '2022-01-01'), 1023)
  assert.equal(outcome('paypal_vmc', 'paypal.com', '2025-01-01'), 1098)
  assert.equal(outcome('xometry_cmc', 'xometry.com', '2025-01-01'), 902)
  assert.equal(outcome('globalsign-vmc', 'globalsign.com', '2025-06-01'), 23_916)
})

test('the same, too late, for others, or not from an authority for marks', () => {
  assert.equal(outcome('cnn', 'cnn.com', '2022-08-14'), 'certificate not in its time')
  assert.equal(outcome('cnn', 'mail.cnn.com', '2022-01-01'), 'certificate is for another domain')
  const untrusted = 'certificate not issued by a trusted authority'
  assert.equal(outcome('paypal_vmc', 'paypal.com', '2025-01-01', roots.slice(1)), untrusted)
  assert.equal(outcome('catchall.delivery', 'catchall.delivery', '2022-08-01'), untrusted)
  assert.equal(outcome('postal_vmc', 'postal.vmc.local', '2022-08-01'), untrusted)
})
