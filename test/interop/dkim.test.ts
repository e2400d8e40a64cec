/** What we sign is verified by dkimpy and by OpenDKIM's library, and what they sign is verified by us. */
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { Lru } from '#base/lru.ts'
import type { DkimKey, UnusableKey } from '#mailauth/dkim-key.ts'
import { DkimSigner, type DkimSigningKey } from '#mailauth/dkim-sign.ts'
import { DkimVerifier } from '#mailauth/dkim-verify.ts'
import { AuthZone } from '../harness/auth-zone.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { needs, run } from './program.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ed25519 = generateKeyPairSync('ed25519').privateKey
const spki = (key: KeyObject) => createPublicKey(key).export({ type: 'spki', format: 'der' })
const records = {
  'r._domainkey.example.com': `v=DKIM1; k=rsa; p=${spki(rsa).toString('base64')}`,
  'e._domainkey.example.com': `v=DKIM1; k=ed25519; p=${spki(ed25519).subarray(-32).toString('base64')}`,
}

const nowMs = Date.now()
const methods = ['simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed'] as const
type Method = DkimSigningKey['canonicalization']

const keyOf = (isRsa: boolean, canonicalization: Method): DkimSigningKey => ({
  domain: 'example.com',
  selector: isRsa ? 'r' : 'e',
  algorithm: isRsa ? 'rsa-sha256' : 'ed25519-sha256',
  privateKey: isRsa ? rsa : ed25519,
  canonicalization,
  headers: [],
  expireSeconds: 3600,
})

const header = [
  'Received: from a.example by b.example;',
  '\tMon, 3 Nov 2025 10:00:00 +0000',
  'From:  Alice   <alice@example.com> ',
  'Date: Mon, 3 Nov 2025 10:00:00 +0000',
  'To: b@example.org,',
  '  c@example.org',
  'SUBJECT: Dinner \t for',
  '  two \xe4',
  'Reply-To:',
  'X-Other: 1',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=iso-8859-1',
  '',
  '',
].join('\r\n')

/** With what canonical forms differ in: space in and behind lines, empty lines at the end, no end at all. */
const bodies = [
  'Are you  hungry \t yet? \r\n\r\n.dot\r\n \r\n\r\n',
  '\xe4\t\r\nlast line',
  '',
  '\r\n\r\n',
  ' a',
]
const messages = bodies.map((body) => header + body)

function split(message: string): readonly [Buffer, Buffer] {
  const end = message.indexOf('\r\n\r\n') + 4
  return [Buffer.from(message.slice(0, end), 'latin1'), Buffer.from(message.slice(end), 'latin1')]
}

async function ourSign(message: string, keys: readonly DkimSigningKey[]): Promise<string> {
  const signer = new DkimSigner({ keys, nowMs, identity: '@example.com' })
  const [head, body] = split(message)
  signer.header(head)
  signer.body(body)
  return (await signer.end()).toString('latin1') + message
}

async function ours(message: string, strict = true): Promise<readonly string[]> {
  const zone = Object.fromEntries(Object.entries(records).map(([name, TXT]) => [name, [{ TXT }]]))
  const verifier = new DkimVerifier({
    resolver: new AuthZone(zone),
    known: new Lru<string, DkimKey | UnusableKey>(10),
    nowMs,
    clockSkewMs: 300_000,
    maxSignatures: 10,
    strict,
  })
  const [head, body] = split(message)
  verifier.header(head)
  verifier.body(body)
  return (await verifier.end()).map(({ reason }) => reason)
}

async function runPython(script: string, command: string, input: Record<string, unknown>): Promise<unknown> {
  const args = ['-B', path.join(import.meta.dirname, 'python', script), command]
  const { stdout } = await run('/usr/bin/python3', args, { input: JSON.stringify(input) })
  return JSON.parse(stdout.toString('utf8'))
}

const changes = [
  ['hungry', 'thirsty'],
  ['Dinner', 'Lunch'],
  ['\r\nFrom:', '\r\nCc: x\r\nFrom:'],
] as const

describe('dkimpy', needs('python3', 'dkimpy'), () => {
  const python = (command: string, input: Record<string, unknown>) =>
    runPython('dkim_signatures.py', command, input)
  const theirs = (message: string) => python('verify', { message, records })

  test('what we sign passes there, with both keys and in all forms', async () => {
    for (const method of methods) {
      for (const message of messages) {
        const sent = await ourSign(message, [keyOf(true, method), keyOf(false, method)])
        assert.deepEqual(await theirs(sent), [true, true], method + JSON.stringify(message))
      }
    }
  })

  test('what was changed on the way fails there too', async () => {
    const sent = await ourSign(messages[0]!, [keyOf(true, 'relaxed/relaxed')])
    for (const [from, to] of changes) {
      const spoilt = sent.replace(from, to)
      const [one] = (await theirs(spoilt)) as readonly unknown[]
      assert.notEqual(one, true, from)
      assert.notEqual((await ours(spoilt))[0], 'verified', from)
    }
  })

  test('what it signs passes here', async () => {
    const seed = ed25519.export({ format: 'der', type: 'pkcs8' }).subarray(-32).toString('base64')
    const pem = rsa.export({ format: 'pem', type: 'pkcs1' })
    for (const method of methods) {
      for (const [i, message] of messages.entries()) {
        const isRsa = i % 2 === 0
        const { domain, selector, algorithm, canonicalization } = keyOf(isRsa, method)
        const facts = {
          domain,
          selector,
          algorithm,
          canonicalization,
          key: isRsa ? pem : seed,
          length: false,
        }
        const sent = `${String(await python('sign', { message, ...facts }))}${message}`
        assert.deepEqual(await ours(sent), ['verified'], method + JSON.stringify(message))
        const partly = `${String(await python('sign', { message, ...facts, length: true }))}${message}`
        assert.deepEqual(await ours(partly), ['partialBody'])
        assert.deepEqual(await ours(`${partly}\r\nmore\r\n`, false), ['verified'])
      }
    }
  })
})

describe('OpenDKIM', needs('python3', 'opendkim-testmsg'), () => {
  const python = (command: string, input: Record<string, unknown>) => runPython('opendkim.py', command, input)
  const theirs = (sent: readonly string[]) => python('verify', { messages: sent, records })

  // It takes no message in the relaxed form without a line end behind it: such never come by SMTP.
  const isTaken = (message: string, method: Method) => message.endsWith('\r\n') || method.endsWith('simple')

  test('what we sign passes there, with both keys and in all forms', async () => {
    const sent: string[] = []
    for (const method of methods) {
      for (const message of messages.filter((one) => isTaken(one, method)))
        sent.push(await ourSign(message, [keyOf(true, method), keyOf(false, method)]))
    }
    assert.deepEqual(
      await theirs(sent),
      sent.map(() => [null, null]),
    )
  })

  test('what was changed on the way fails there too', async () => {
    const sent = await ourSign(messages[0]!, [keyOf(true, 'relaxed/relaxed')])
    const spoilt = changes.map(([from, to]) => sent.replace(from, to))
    for (const [one] of (await theirs(spoilt)) as readonly (readonly unknown[])[]) {
      assert.match(String(one), /verification failed|body hash/)
    }
    for (const one of spoilt) assert.notDeepEqual(await ours(one), ['verified'])
  })

  test('what it signs passes here', async () => {
    for (const method of methods) {
      for (const [i, message] of messages.entries()) {
        if (!isTaken(message, method)) continue
        // With Ed25519 its signature is not over the field that it gives in the simple form: its own
        // verifier does not take it, and neither does dkimpy.
        const isRsa = i % 2 === 0 || method.startsWith('simple')
        const { privateKey, domain, selector, algorithm } = keyOf(isRsa, method)
        const key = privateKey.export({ format: 'pem', type: 'pkcs8' })
        const facts = { domain, selector, algorithm, canonicalization: method, key }
        const sent = `${String(await python('sign', { message, ...facts }))}${message}`
        assert.deepEqual(await ours(sent), ['verified'], method + JSON.stringify(message))
      }
    }
  })

  test('its program signs with rsa-sha1 only, which we refuse (RFC 8301 §3.1)', async () => {
    const folder = temporaryDirectory()
    try {
      const file = path.join(folder, 'key.pem')
      writeFileSync(file, rsa.export({ format: 'pem', type: 'pkcs1' }), { mode: 0o600 })
      const args = ['-C', '-d', 'example.com', '-s', 'r', '-k', file]
      const { stdout } = await run('opendkim-testmsg', args, { input: Buffer.from(messages[0]!, 'latin1') })
      assert.match(stdout.toString('latin1'), /a=rsa-sha1/)
      assert.deepEqual(await ours(stdout.toString('latin1')), ['historicAlgorithm'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
