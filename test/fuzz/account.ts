/**
 * Fuzz targets of what a peer says about who it is: SASL messages, Basic authentication, what proxies write
 * about their clients, stored hashes, and names of accounts and domains.
 */
import assert from 'node:assert/strict'
import { readCatchAll, readOwnAddress, readOwnDomain, recipientKeys } from '#account/address.ts'
import { external } from '#account/sasl/external.ts'
import { login } from '#account/sasl/login.ts'
import type { SaslMechanism } from '#account/sasl/mechanism.ts'
import { plain } from '#account/sasl/plain.ts'
import { readClientFinal, readClientFirst } from '#account/sasl/scram-messages.ts'
import { scramSha256 } from '#account/sasl/scram.ts'
import type { ScramAttempt } from '#account/scram-sign-in.ts'
import { readApiKey, readAppPassword, readCredentialId, readRecoveryCode } from '#account/shown-once.ts'
import { readHash } from '#account/verifiers/stored-hash.ts'
import { nativeValues, type Given } from '#admin/principal-fields.ts'
import { readOperations } from '#admin/principal-operations.ts'
import { principalTypes } from '#admin/principal-shape.ts'
import { foldAddress, normaliseAddress, normaliseDomain, unicodeDomain } from '#base/domain-name.ts'
import { Fault, SyntaxFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { formatIp, formatNetwork, networkContains, parseIp, parseNetwork } from '#base/ip.ts'
import { basicCredentials } from '#http/authorization.ts'
import { clientOf } from '#http/client.ts'
import { parseJsonBody } from '#http/json-body.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** Runs what may refuse its input, in the ways that it may. */
function quietly(body: () => void): void {
  try {
    body()
  } catch (error) {
    if (!(error instanceof Fault || error instanceof SyntaxFault)) throw error
  }
}

const asAccount = 1 as AccountId
const asked = { ip: '192.0.2.1', protocol: 'imap' } as const

const nobodysKeys = {
  iterations: 4096,
  salt: Buffer.alloc(16),
  storedKey: Buffer.alloc(32),
  serverKey: Buffer.alloc(32),
}

/** No name or password with a NUL, and none too long, gets as far as sign-in; nobody gets in. */
async function exchange(mechanism: SaslMechanism, responses: readonly Uint8Array[]): Promise<void> {
  const signIn = {
    password(name: string, password: string): Promise<'wrong'> {
      for (const text of [name, password]) {
        assert.ok(text.length > 0 && text.length <= 1024 && text.isWellFormed() && !text.includes('\0'))
      }
      return Promise.resolve('wrong')
    },
    scram(name: string): Promise<ScramAttempt> {
      assert.ok(name.length > 0 && name.isWellFormed() && !name.includes('\0'))
      return Promise.resolve({ keys: nobodysKeys, finish: () => Promise.resolve('wrong') })
    },
    certificate: (): Promise<'wrong'> => Promise.resolve('wrong'),
  }
  const running = mechanism.start({ signIn, from: asked, tls: undefined })
  for (const response of responses) {
    const step = await running.next(response)
    assert.ok(!('done' in step))
    if ('failed' in step) return
  }
}

async function sasl(bytes: Uint8Array): Promise<void> {
  await exchange(plain, [bytes])
  const half = bytes.length >> 1
  await exchange(login, [bytes.subarray(0, half), bytes.subarray(half)])
  await exchange(scramSha256, [bytes.subarray(0, half), bytes.subarray(half)])
  await exchange(external, [bytes])
}

/** What is signed is what came, byte for byte, whatever is understood of it. */
function scram(bytes: Uint8Array): void {
  const text = utf8(bytes)
  const first = readClientFirst(bytes)
  if (first !== undefined) {
    assert.equal(first.gs2Header + first.bare, text)
    assert.ok(first.name !== '' && first.nonce !== '' && !first.nonce.includes(','))
  }
  const final = readClientFinal(bytes)
  if (final !== undefined) assert.equal(`${final.withoutProof},p=${final.proof.toString('base64')}`, text)
}

/** Secrets that were made up here, as people type them. */
function secrets(bytes: Uint8Array): void {
  const text = utf8(bytes)
  const key = readApiKey(text)
  if (key !== undefined) assert.ok(key.account > 0 && key.secret.length === 20)
  readAppPassword(text)
  readRecoveryCode(asAccount, text)
  readCredentialId(text)
}

function basic(bytes: Uint8Array): void {
  const text = latin1(bytes)
  basicCredentials(text)
  const found = basicCredentials(`Basic ${Buffer.from(bytes).toString('base64')}`)
  if (found === undefined) return
  assert.equal(`${found.user}:${found.password}`, utf8(bytes))
  assert.ok(!found.user.includes(':'))
}

const proxies = [parseNetwork('192.0.2.0/24')!, parseNetwork('2001:db8::/32')!]

/** Whatever a client writes, its address is one, and it is local only where nothing was written. */
function forwarded(bytes: Uint8Array): void {
  const [for_ = '', proto = ''] = latin1(bytes).split('\n')
  for (const remoteAddress of ['192.0.2.1', '127.0.0.1']) {
    const headers = { 'x-forwarded-for': for_, 'x-forwarded-proto': proto }
    const arrival = { peer: { ip: remoteAddress, port: 1 }, secure: false, isProxied: false }
    const client = clientOf(headers, arrival, proxies)
    assert.equal(client.ip, formatIp(parseIp(client.ip)!))
    assert.ok(!client.isLocal)
    if (remoteAddress === '127.0.0.1') assert.deepEqual([client.ip, client.secure], [remoteAddress, false])
  }
}

/** What was brought into its one spelling stays as it is. */
function names(bytes: Uint8Array): void {
  const text = utf8(bytes)
  const domain = normaliseDomain(text)
  if (domain !== undefined) {
    assert.equal(normaliseDomain(domain), domain)
    assert.match(domain, /^[a-z0-9_.-]+$/)
    unicodeDomain(domain)
  }
  const address = normaliseAddress(text)
  if (address !== undefined) {
    assert.equal(normaliseAddress(address), address)
    assert.equal(foldAddress(address), foldAddress(text))
  }
  recipientKeys(text)
  for (const read of [readOwnDomain, readOwnAddress, readCatchAll]) quietly(() => void read(text))
}

function addresses(bytes: Uint8Array): void {
  const text = latin1(bytes)
  const ip = parseIp(text)
  if (ip !== undefined) assert.deepEqual(parseIp(formatIp(ip)), ip)
  const network = parseNetwork(text)
  if (network === undefined) return
  assert.ok(networkContains(network, network.address))
  assert.deepEqual(parseNetwork(formatNetwork(network)), network)
}

/** Bodies of requests: whatever JSON says, a Fault at most. */
function principals(bytes: Uint8Array): void {
  quietly(() => {
    const body = parseJsonBody(bytes)
    quietly(() => void readOperations(body))
    if (typeof body !== 'object' || body === null) return
    for (const type of principalTypes) {
      const { problems, called, values } = nativeValues(type, body as Given)
      for (const { property } of problems) called(property)
      for (const name of Object.keys(values)) for (const path of [name, `${name}/0`]) called(path)
    }
  })
}

/** Read only: what a check costs is bounded elsewhere. */
const hashes = (bytes: Uint8Array): void => quietly(() => void readHash(latin1(bytes)))

const parser = 'sign-in and names'

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void | Promise<void>
}[] = [
  { name: 'account SASL', parser, run: sasl },
  { name: 'account SCRAM', parser, run: scram },
  { name: 'account secrets', parser, run: secrets },
  { name: 'account Basic', parser, run: basic },
  { name: 'account forwarded', parser, run: forwarded },
  { name: 'account names', parser, run: names },
  { name: 'account IP addresses', parser, run: addresses },
  { name: 'account principals', parser, run: principals },
  { name: 'account stored hashes', parser, run: hashes },
]
