/**
 * A push service and its client for the tests of this folder: takes messages, decrypts them by the steps of RFC 8188
 * and RFC 8291 with its own keys, and checks who signed them (RFC 8292).
 */
import assert from 'node:assert/strict'
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, verify } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { isLoopbackIp } from '#base/ip.ts'
import { testCertificate, testKey } from '../../test/harness/certificates.ts'
import { PushSender } from './push-sender.ts'

export interface ReceivedPush {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A status, or one with headers; `undefined`: nothing. */
export type PushAnswer = number | { status: number; headers: Record<string, string> } | undefined

export class PushReceiver implements AsyncDisposable {
  readonly #server: Server
  readonly #received: ReceivedPush[] = []
  #wake: (() => void) | undefined
  /** What is answered, at once or later. */
  answer: (push: ReceivedPush) => PushAnswer | Promise<PushAnswer> = () => 201
  readonly sender = new PushSender({
    addressesOf: async (host) => (host === 'nowhere.example.com' ? [] : ['127.0.0.1']),
    mayReach: () => isLoopbackIp,
    ca: testCertificate('root'),
  })

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<PushReceiver> {
    const server = createServer({ cert: testCertificate('server-chain'), key: testKey('server') })
    const receiver = new PushReceiver(server)
    server.on('request', (request, response) => {
      void (async () => {
        const pieces: Buffer[] = []
        try {
          for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
        } catch {
          // The sender has gone in between.
          return
        }
        assert.equal(request.method, 'POST')
        const push = { path: request.url!, headers: request.headers, body: Buffer.concat(pieces) }
        receiver.#received.push(push)
        receiver.#wake?.()
        const answer = await receiver.answer(push)
        if (answer === undefined) return
        const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer
        response.writeHead(status, headers).end('what a push service says')
      })()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return receiver
  }

  /** How many came that were not asked for yet. */
  get waiting(): number {
    return this.#received.length
  }

  url(path: string, host = 'push.example.com'): string {
    return `https://${host}:${(this.#server.address() as AddressInfo).port}${path}`
  }

  async next(): Promise<ReceivedPush> {
    while (this.#received.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#received.shift()!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sender[Symbol.dispose]()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** The keys of a client (RFC 8291 §2.1 and §3.2). */
export class ClientKeys {
  readonly #own = createECDH('prime256v1')
  readonly #auth = Buffer.from('0123456789abcdef')
  readonly keys

  constructor() {
    this.#own.generateKeys()
    this.keys = { p256dh: this.#own.getPublicKey('base64url'), auth: this.#auth.toString('base64url') }
  }

  decrypt({ headers, body }: Pick<ReceivedPush, 'headers' | 'body'>): Record<string, unknown> {
    assert.equal(headers['content-encoding'], 'aes128gcm')
    // RFC 8188 §2.1: salt, record size, length of the key id, which is the sender's key (RFC 8291 §4).
    const salt = body.subarray(0, 16)
    const recordSize = body.readUInt32BE(16)
    assert.equal(body[20], 65)
    const sender = body.subarray(21, 86)
    const record = body.subarray(86)
    assert.ok(record.length <= recordSize, 'RFC 8291 §4: one record')
    // RFC 8291 §3.4.
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.#own.getPublicKey(), sender])
    const secret = Buffer.from(hkdfSync('sha256', this.#own.computeSecret(sender), this.#auth, info, 32))
    const derive = (what: string, length: number): Buffer =>
      Buffer.from(hkdfSync('sha256', secret, salt, Buffer.from(`Content-Encoding: ${what}\0`), length))
    const cipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12))
    cipher.setAuthTag(record.subarray(-16))
    const plain = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()])
    const end = plain.lastIndexOf(2)
    assert.ok(
      plain.subarray(end + 1).every((byte) => byte === 0),
      'RFC 8188 §2: the delimiter of the last record',
    )
    return JSON.parse(plain.subarray(0, end).toString('utf8')) as Record<string, unknown>
  }
}

/** RFC 8292 §2 and §3: the claims of a token that this key signed. */
export function claimsOf(
  authorization: string | undefined,
  applicationServerKey: string,
): Record<string, unknown> {
  const [, token, key] = /^vapid t=([\w-]+\.[\w-]+\.[\w-]+), k=([\w-]+)$/.exec(authorization ?? '') ?? []
  assert.equal(key, applicationServerKey)
  const point = Buffer.from(key, 'base64url')
  assert.equal(point.length, 65)
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: x!, y: y! }, format: 'jwk' })
  const [head, claims, signature] = token!.split('.') as [string, string, string]
  const isRight = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  assert.ok(isRight, 'the signature')
  const read = (text: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>
  assert.deepEqual(read(head), { typ: 'JWT', alg: 'ES256' })
  return read(claims)
}
