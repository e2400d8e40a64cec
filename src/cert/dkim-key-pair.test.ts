import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, sign, verify, createPublicKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { newDkimKeyPair, readDkimKey } from './dkim-key-pair.ts'
import { dkimRecordText } from './dkim-record.ts'

/** RFC 8463 appendix A.1. */
const rfc8463 = {
  secret: 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=',
  shown: '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
}
/** The octets that stand before the secret of an Ed25519 key in PKCS #8. */
const pkcs8Start = Buffer.from('302e020100300506032b657004220420', 'hex')

const pem = (der: Buffer): string =>
  `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`

function said(given: string): string {
  const read = readDkimKey(given)
  return typeof read === 'string' ? read : 'it is taken'
}

describe('DKIM key pairs', () => {
  it('show the public key of RFC 8463 appendix A as its record does', () => {
    const pair = readDkimKey(pem(Buffer.concat([pkcs8Start, Buffer.from(rfc8463.secret, 'base64')])))
    assert.ok(typeof pair === 'object')
    assert.equal(pair.algorithm, 'ed25519-sha256')
    assert.equal(dkimRecordText(pair), `v=DKIM1; k=ed25519; h=sha256; p=${rfc8463.shown}`)
  })

  it('are made with a public key that belongs to the private one', async () => {
    const rsa = await newDkimKeyPair('rsa-sha256')
    const key = createPrivateKey(rsa.privateKey)
    assert.equal(key.asymmetricKeyDetails?.modulusLength, 2048)
    const shown = createPublicKey({ key: Buffer.from(rsa.publicKey, 'base64'), format: 'der', type: 'spki' })
    assert.ok(verify('sha256', Buffer.from('x'), shown, sign('sha256', Buffer.from('x'), key)))
    assert.match(dkimRecordText(rsa), /^v=DKIM1; k=rsa; h=sha256; p=MII[A-Za-z0-9+/]+=*$/)

    const ed25519 = await newDkimKeyPair('ed25519-sha256')
    assert.equal(Buffer.from(ed25519.publicKey, 'base64').length, 32)
    assert.deepEqual(readDkimKey(ed25519.privateKey), ed25519)
  })

  it('are read from PKCS #1 as well', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const read = readDkimKey(privateKey.export({ type: 'pkcs1', format: 'pem' }) as string)
    assert.ok(typeof read === 'object')
    assert.equal(read.algorithm, 'rsa-sha256')
    assert.match(read.privateKey, /BEGIN PRIVATE KEY/)
  })

  it('are refused where no verifier would take them, with what would be right', () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const locked = generateKeyPairSync('ed25519').privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    }) as string
    const exported = (key: typeof ec): string => key.export({ type: 'pkcs8', format: 'pem' }) as string
    assert.match(said(exported(short)), /512 bits/)
    assert.match(said(exported(ec)), /must be an RSA or Ed25519 key/)
    assert.match(said(locked), /encrypted/)
    assert.match(said('x'), /no private key in PEM/)
    assert.match(said(pem(Buffer.from('nonsense'))), /cannot be read/)
  })
})
