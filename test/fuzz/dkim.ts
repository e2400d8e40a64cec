/** Fuzz targets of DKIM: signatures and key records as strangers write them, messages checked and signed. */
import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { Lru } from '#base/lru.ts'
import { type DkimKey, readKeyRecord, type UnusableKey } from '#mailauth/dkim-key.ts'
import { DkimSigner } from '#mailauth/dkim-sign.ts'
import { readDkimSignature } from '#mailauth/dkim-signature.ts'
import { DkimVerifier } from '#mailauth/dkim-verify.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import { parseTagList } from '#mailauth/tag-list.ts'
import { lineKind } from '#message/headers.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

function signature(bytes: Uint8Array): void {
  const text = latin1(bytes)
  const read = readDkimSignature(text)
  for (const claim of Object.values(read.claims)) assert.doesNotMatch(claim, /[\0-\x1f\x7f]/)
  if (read.kind === 'refused') {
    assert.match(read.text, /^[ -~]+$/)
    return
  }
  const { signatureTag, signature: value } = read
  const rest = text.slice(0, signatureTag.start) + text.slice(signatureTag.end)
  assert.equal(parseTagList(rest).get('b')?.value, '')
  assert.ok(value.length > 0 && read.names.includes('from'))
}

function keyRecord(bytes: Uint8Array): void {
  const known = new Lru<string, DkimKey | UnusableKey>(1)
  for (const text of [latin1(bytes), `p=${Buffer.from(bytes).toString('base64')}`]) {
    const key = readKeyRecord(text, known)
    if (key.kind === 'key') assert.ok(key.bits === 256 || (key.bits >= 1024 && key.bits <= 4096))
    else assert.match(key.text, /^[ -~]+$/)
  }
}

/** A key that is the same in each run, so that files of the corpus can have been signed with it. */
const privateKey = createPrivateKey({
  key: Buffer.from(`302e020100300506032b657004220420${'01'.repeat(32)}`, 'hex'),
  format: 'der',
  type: 'pkcs8',
})
const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
const ownRecord = `k=ed25519; p=${spki.subarray(-32).toString('base64')}`

/** The record of every key is before the first NUL; empty, it is that of the key above. */
const newVerifier = (record: string): DkimVerifier => {
  const records = [{ strings: [Buffer.from(record === '' ? ownRecord : record, 'latin1')] }]
  const resolver = {
    resolve: () => Promise.resolve({ kind: 'answer', records, authentic: false }),
  } as unknown as AuthResolver
  const known = new Lru<string, DkimKey | UnusableKey>(1)
  const nowMs = 1_762_164_672_000
  return new DkimVerifier({ resolver, known, nowMs, clockSkewMs: 0, maxSignatures: 3, strict: false })
}

interface Passing {
  header(block: Uint8Array): void
  body(chunk: Uint8Array): void
}

function pass(through: Passing, header: Buffer, body: Buffer, step: number): void {
  through.header(header)
  for (let at = 0; at < body.length; at += step) through.body(body.subarray(at, at + step))
}

/** Record, header and body are between NULs. However the body is split, it is the same body. */
async function check(bytes: Uint8Array): Promise<void> {
  const [record = '', header = '', ...rest] = latin1(bytes).split('\0')
  const body = Buffer.from(rest.join('\0'), 'latin1')
  const checks = []
  for (const step of [(body[0] ?? 0) % 7, body.length].map((size) => size + 1)) {
    const verifier = newVerifier(record)
    pass(verifier, Buffer.from(header, 'latin1'), body, step)
    checks.push(await verifier.end())
  }
  assert.deepEqual(checks[0], checks[1])
  for (const { text } of checks[0]!) assert.match(text, /^[ -~]+$/)
}

/** The first byte says how it is signed; what is signed verifies. */
async function signing(bytes: Uint8Array): Promise<void> {
  const kind = bytes[0] ?? 0
  const [header = '', ...rest] = latin1(bytes.subarray(1)).split('\0')
  const body = Buffer.from(rest.join('\0'), 'latin1')
  const block = Buffer.from(header, 'latin1')
  const lineEnd = block.indexOf('\n')
  if (lineKind(block, 0, lineEnd < 0 ? block.length : lineEnd) !== 'field') return
  const method = (bit: number) => ((kind & bit) === 0 ? 'simple' : 'relaxed')
  const key = {
    domain: 'example.com',
    selector: 's',
    algorithm: 'ed25519-sha256',
    privateKey,
    canonicalization: `${method(1)}/${method(2)}`,
    headers: (kind & 4) === 0 ? [] : ['X-A', 'Subject', 'Dkim-Signature'],
    expireSeconds: undefined,
  } as const
  const signer = new DkimSigner({ keys: [key], nowMs: 1_762_164_672_000 })
  pass(signer, block, body, (kind >> 3) + 1)
  const field = await signer.end()
  const verifier = newVerifier('')
  pass(verifier, Buffer.concat([field, block]), body, body.length + 1)
  assert.equal((await verifier.end())[0]?.result, 'pass')
}

const parser = 'DKIM'

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void | Promise<void>
}[] = [
  { name: 'dkim signature', parser, run: signature },
  { name: 'dkim key', parser, run: keyRecord },
  { name: 'dkim check', parser, run: check },
  { name: 'dkim signing', parser, run: signing },
]
