import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { testCertificate, testKey } from '../../test/harness/certificates.ts'
import { expiryOf } from './expiry.ts'
import { certificateFacts, checkPair } from './inspect.ts'

const server = testCertificate('server')
const intermediate = testCertificate('intermediate')
const key = testKey('server')

test('the facts are those of the first certificate', () => {
  const facts = certificateFacts(server + intermediate)
  assert.equal(facts?.subject, 'CN=mail.example.com')
  assert.equal(facts.issuer, 'CN=Test intermediate')
  assert.deepEqual(facts.subjectAlternativeNames, ['mail.example.com', '*.example.com'])
  assert.equal(facts.keyType, 'ec')
  assert.equal(certificateFacts(testCertificate('server-rsa'))?.keyType, 'rsa')
  assert.equal(certificateFacts('nothing'), undefined)
})

test('a pair that fits has no complaint, with its chain or without, and with text in between', () => {
  for (const pem of [server, server + intermediate, `# mine\n${server}\nissued by\n${intermediate}`])
    assert.deepEqual(checkPair(pem, key), [])
  // A file with both is a habit of some.
  assert.deepEqual(checkPair(key + server, key + server), [])
})

test('each thing that is wrong has its sentence', () => {
  const encrypted = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  }) as string
  const damaged = server.replace(/\n[A-Za-z0-9+/]{64}\n/, '\n')
  for (const [certificate, privateKey, field, text] of [
    ['', key, 'certificate', 'holds no certificate in PEM'],
    [key, key, 'certificate', 'is a key and no certificate'],
    [damaged, key, 'certificate', 'holds a certificate that cannot be read'],
    [server, testKey('client'), 'privateKey', 'is not the key of the certificate'],
    [server, server, 'privateKey', 'holds no private key in PEM'],
    [server, encrypted, 'privateKey', 'is encrypted: give the key without a passphrase'],
    [
      intermediate + server,
      key,
      'certificate',
      'must begin with the certificate of the server, which is number 2',
    ],
    [
      server + testCertificate('root') + intermediate,
      key,
      'certificate',
      'has a chain in the wrong order: number 2, CN=Test root, did not issue number 1',
    ],
  ] as const)
    assert.deepEqual(checkPair(certificate, privateKey)[0], { field, text })
})

test('two weeks before the end it is time to tell', () => {
  const facts = certificateFacts(server)!
  const at = (days: number) => expiryOf(facts, facts.notValidAfterMs - days * 86_400_000 - 1)?.daysLeft
  assert.equal(at(14), undefined)
  assert.equal(at(13), 13)
  assert.equal(at(0), 0)
  assert.equal(at(-1), -1)
})
