import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type CertificateShape,
  logotype,
  type MadeCertificate,
  makeCertificate,
  markPurpose,
} from '../../test/harness/mark-certificates.ts'
import { readLogotype } from './bimi-logotype.ts'
import { largestEvidenceBytes, readEvidence } from './bimi-vmc.ts'
import { readDer } from './certificate-extensions.ts'

const svg = Buffer.from(
  '<svg version="1.2" baseProfile="tiny-ps" xmlns="http://www.w3.org/2000/svg"><title>Example</title></svg>',
)
const root = makeCertificate({ name: 'Root', isAuthority: true })
const authority = makeCertificate({
  name: 'Authority',
  issuer: root,
  isAuthority: true,
  pathLength: 0,
  purposes: [markPurpose],
})

const shape: CertificateShape = {
  name: 'Mark',
  issuer: authority,
  purposes: [markPurpose],
  names: ['example.org'],
  svg,
}

const pem = (...chain: MadeCertificate[]): Buffer => Buffer.from(chain.map((one) => one.pem).join(''))

function read(evidence: Uint8Array, o: { domain?: string; now?: Date; roots?: MadeCertificate[] } = {}) {
  const { domain = 'example.org', now = new Date('2030-01-01'), roots = [root] } = o
  const trustedRoots = roots.map((one) => new X509Certificate(one.pem))
  return readEvidence({ evidence, trustedRoots, domains: [domain], selector: 'default', now })
}

const mark = makeCertificate(shape)
const problem = (text: string) => ({ problem: text })
const untrusted = problem('certificate not issued by a trusted authority')

test('a mark certificate whose chain leads to a trusted root gives its indicator', () => {
  assert.deepEqual(read(pem(mark, authority)), { svg })
  assert.deepEqual(read(pem(mark, authority, root)), { svg })
  assert.deepEqual(read(Buffer.concat([Buffer.from('Subject: Mark\n'), pem(mark, authority)])), { svg })
})

test('without a chain to a trusted root nothing is believed', () => {
  assert.deepEqual(read(pem(mark, authority), { roots: [] }), untrusted)
  assert.deepEqual(read(pem(mark)), untrusted)
  assert.deepEqual(read(pem(authority, mark)), problem('not a mark certificate'))
  const namesake = makeCertificate({ name: 'Root', isAuthority: true })
  assert.deepEqual(read(pem(mark, authority), { roots: [namesake] }), untrusted)
  const forged = makeCertificate({ ...shape, signingKey: namesake.key })
  assert.deepEqual(read(pem(forged, authority)), untrusted)
  const misnamed = makeCertificate({ ...shape, issuer: { ...authority, name: 'Another' } })
  assert.deepEqual(read(pem(misnamed, authority)), untrusted)
})

test('who is no authority issues nothing, and a chain is no longer than its authorities allow', () => {
  const noAuthority = makeCertificate({ name: 'Other', issuer: root, purposes: [markPurpose] })
  assert.deepEqual(read(pem(makeCertificate({ ...shape, issuer: noAuthority }), noAuthority)), untrusted)
  const below = makeCertificate({
    name: 'Below',
    issuer: authority,
    isAuthority: true,
    purposes: [markPurpose],
  })
  const deep = makeCertificate({ ...shape, issuer: below })
  assert.deepEqual(read(pem(deep, below, authority)), problem('certificate chain too long'))
})

test('every certificate of the chain must be in its time (RFC 5280 §4.1.2.5)', () => {
  const late = problem('certificate not in its time')
  assert.deepEqual(read(pem(mark, authority), { now: new Date('2019-12-31') }), late)
  assert.deepEqual(read(pem(mark, authority), { now: new Date('2040-01-02') }), late)
  const expired = makeCertificate({ ...shape, to: new Date('2029-12-31') })
  assert.deepEqual(read(pem(expired, authority)), late)
})

test('the certificate and its issuer are for marks', () => {
  const no = problem('not a mark certificate')
  const { purposes: _, ...without } = shape
  assert.deepEqual(read(pem(makeCertificate(without), authority)), no)
  assert.deepEqual(read(pem(makeCertificate({ ...shape, purposes: ['1.3.6.1.5.5.7.3.1'] }), authority)), no)
  assert.deepEqual(read(pem(makeCertificate({ ...shape, isAuthority: true }), authority)), no)
  const general = makeCertificate({ name: 'General', issuer: root, isAuthority: true })
  assert.deepEqual(read(pem(makeCertificate({ ...shape, issuer: general }), general)), no)
})

test('a critical extension that is not understood is a refusal (RFC 5280 §4.2)', () => {
  const named = makeCertificate({ ...shape, critical: ['1.3.6.1.4.1.99999.1'] })
  assert.deepEqual(read(pem(named, authority)), problem('unknown critical extension'))
  assert.deepEqual(read(pem(makeCertificate({ ...shape, critical: ['1.3.6.1.4.1.53087.4.1'] }), authority)), {
    svg,
  })
})

test('the names: the domain for all selectors, or one selector of it', () => {
  const other = problem('certificate is for another domain')
  const sub = { domain: 'sub.example.org' }
  assert.deepEqual(read(pem(mark, authority), sub), other)
  const forNames = (...names: string[]) => pem(makeCertificate({ ...shape, names }), authority)
  assert.deepEqual(read(forNames('default._bimi.example.org')), { svg })
  assert.deepEqual(read(forNames('EXAMPLE.org')), { svg })
  assert.deepEqual(read(forNames('example.com', 'example.org')), { svg })
  assert.deepEqual(read(forNames('brand._bimi.example.org')), other)
  assert.deepEqual(read(pem(makeCertificate({ ...shape, names: ['*.example.org'] }), authority), sub), other)
  assert.deepEqual(read(forNames()), other)
})

test('the indicator inside: one, with its hash, of the profile', () => {
  const { svg: _, ...without } = shape
  assert.deepEqual(read(pem(makeCertificate(without), authority)), problem('no indicator in the certificate'))
  const outcomes = {
    'wrong hash in the certificate': [{ hashed: Buffer.from('another') }, { algorithm: '1.2.3' }],
    'no indicator in the certificate': [
      { images: 0 },
      { images: 2 },
      { start: 'data:image/svg+xml,' },
      { start: 'data:image/png;base64,' },
      { start: 'https://example.org/' },
    ],
  }
  for (const [text, logotypes] of Object.entries(outcomes)) {
    for (const one of logotypes) {
      const certificate = makeCertificate({ ...shape, logotype: one })
      assert.deepEqual(read(pem(certificate, authority)), problem(text), JSON.stringify(one))
    }
  }
  const scripted = Buffer.from(svg.toString().replace('</title>', '</title><script/>'))
  assert.deepEqual(
    read(pem(makeCertificate({ ...shape, svg: scripted }), authority)),
    problem('SVG: element script'),
  )
})

test('what is no document of certificates', () => {
  const none = problem('evidence is no certificate')
  assert.deepEqual(read(Buffer.alloc(0)), none)
  assert.deepEqual(read(Buffer.from('-----BEGIN CERTIFICATE-----')), none)
  assert.deepEqual(read(Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')), none)
  assert.deepEqual(read(pem(mark, ...Array.from({ length: 8 }, () => authority))), none)
  const twice = makeCertificate({ ...shape, critical: ['1.3.6.1.4.1.53087.4.1', '1.3.6.1.4.1.53087.4.1'] })
  assert.deepEqual(read(pem(twice, authority)), none)
  assert.deepEqual(read(Buffer.alloc(largestEvidenceBytes + 1)), problem('evidence too large'))
})

test('any bytes, and any change of a document, throw nothing', () => {
  const document = pem(mark, authority)
  const extension = Buffer.from(logotype(svg).toBER())
  assert.ok(readLogotype(extension) !== undefined)
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(document.length - 1), fc.nat(255), (bytes, at, byte) => {
      read(bytes)
      readLogotype(bytes)
      const changed = Buffer.from(document)
      changed[at] = byte
      read(changed)
      const spoilt = Buffer.from(extension)
      spoilt[at % spoilt.length] = byte
      readLogotype(spoilt)
    }),
  )
})

test('deep and wide structures are given up, and so is what something follows', () => {
  assert.ok(readDer(Buffer.of(5, 0)) !== undefined)
  assert.equal(readDer(Buffer.of(5, 0, 0)), undefined)
  const deep = Buffer.concat([
    Buffer.from('3080'.repeat(100_000), 'hex'),
    Buffer.from('0000'.repeat(100_000), 'hex'),
  ])
  assert.equal(readDer(deep), undefined)
  assert.equal(
    readDer(Buffer.concat([Buffer.from('3083030d40', 'hex'), Buffer.from('0500'.repeat(100_000), 'hex')])),
    undefined,
  )
})
