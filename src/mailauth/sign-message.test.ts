import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { Lru } from '#base/lru.ts'
import { AuthZone } from '../../test/harness/auth-zone.ts'
import { DkimVerifier } from './dkim-verify.ts'
import { signMessage } from './sign-message.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const record = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')
const resolver = new AuthZone({ 's._domainkey.example.org': [{ TXT: `v=DKIM1; k=ed25519; p=${record}` }] })
const key = {
  domain: 'example.org',
  selector: 's',
  algorithm: 'ed25519-sha256',
  privateKey,
  canonicalization: 'relaxed/relaxed',
  headers: [],
  expireSeconds: undefined,
} as const

test('a whole message is signed, and verifies', async () => {
  const message = Buffer.from('From: a@example.org\r\nSubject: x\r\n\r\nbody\r\n\r\nX: in it\r\n')
  const fields = await signMessage(message, [key], 1000)
  const verifier = new DkimVerifier({
    resolver,
    known: new Lru(1),
    nowMs: 1000,
    clockSkewMs: 0,
    maxSignatures: 1,
    strict: true,
  })
  const signed = Buffer.concat([Buffer.from(fields), message])
  const end = signed.indexOf('\r\n\r\n') + 4
  verifier.header(signed.subarray(0, end))
  verifier.body(signed.subarray(end))
  assert.deepEqual(
    (await verifier.end()).map(({ result }) => result),
    ['pass'],
  )
  assert.equal(await signMessage(message, [], 1000), '')
})
