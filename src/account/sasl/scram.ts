/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): the client proves that it knows the password and
 * the server that it has its keys, neither sends it, and with -PLUS both prove that nobody sits between them
 * in the TLS connection, by its exporter (RFC 9266).
 *
 * What must always hold: a client that could bind and believes that we cannot was lied to, and fails; the
 * server's nonce makes every exchange another one.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { asBuffer } from '#base/bytes.ts'
import type { TlsFacts } from '#net/tls.ts'
import type { ScramAttempt } from '../scram-sign-in.ts'
import type { ScramKeys } from '../verifiers/scram-keys.ts'
import { overTls, type SaslContext, type SaslMechanism, type SaslStep } from './mechanism.ts'
import { type ClientFinal, type ClientFirst, readClientFinal, readClientFirst } from './scram-messages.ts'

/** RFC 9266 §4.2: below TLS 1.3 the exporter binds only with an extension that node:tls does not tell of. */
const canBind = (tls: TlsFacts | undefined): tls is TlsFacts => tls?.version === 'TLSv1.3'

const bindingType = 'tls-exporter'
/** RFC 9266 §2 */
const exporter = { label: 'EXPORTER-Channel-Binding', bytes: 32 } as const

export const scramSha256: SaslMechanism = {
  name: 'SCRAM-SHA-256',
  needsTls: true,
  isOffered: (channel, { scramKeys }) => scramKeys && overTls(channel),
  start: (context) => exchange(context, false),
}

export const scramSha256Plus: SaslMechanism = {
  name: 'SCRAM-SHA-256-PLUS',
  needsTls: true,
  isOffered: ({ tls }, { scramKeys }) => scramKeys && canBind(tls),
  start: (context) => exchange(context, true),
}

/** What the exchange has come to. */
interface Begun {
  readonly first: ClientFirst
  readonly serverFirst: string
  readonly nonce: string
  readonly attempt: ScramAttempt
}

function exchange(context: SaslContext, mustBind: boolean) {
  let begun: Begun | undefined
  let over: SaslStep | undefined
  return {
    async next(response: Uint8Array | undefined): Promise<SaslStep> {
      // RFC 4422 §3.6: the proof of the server came as a challenge, which is answered with nothing.
      if (over !== undefined) return response?.length === 0 ? over : { failed: 'malformed' }
      if (response === undefined) return { challenge: Buffer.alloc(0) }
      if (begun !== undefined) {
        const step = await finish(context, begun, response)
        if ('failed' in step) return step
        over = { done: step.access }
        return { challenge: step.proof }
      }
      const first = readClientFirst(response)
      if (first === undefined || !isBindingAllowed(first, mustBind, context.tls))
        return { failed: 'malformed' }
      begun = await begin(context, first)
      return { challenge: Buffer.from(begun.serverFirst) }
    },
  }
}

/** RFC 5802 §6 */
function isBindingAllowed({ binding }: ClientFirst, mustBind: boolean, tls: TlsFacts | undefined): boolean {
  if (mustBind) return typeof binding === 'object' && binding.type === bindingType && canBind(tls)
  return binding === 'n' || (binding === 'y' && !canBind(tls))
}

async function begin({ signIn, from }: SaslContext, first: ClientFirst): Promise<Begun> {
  const { name, actAs } = first
  const attempt = await signIn.scram(name, from, actAs === undefined ? {} : { actAs })
  const nonce = first.nonce + randomBytes(18).toString('base64')
  const { salt, iterations } = attempt.keys
  const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`
  return { first, serverFirst, nonce, attempt }
}

type Finished =
  | { readonly failed: 'wrong' | 'malformed' }
  | { readonly access: Exclude<Awaited<ReturnType<ScramAttempt['finish']>>, 'wrong'>; readonly proof: Buffer }

async function finish({ tls }: SaslContext, begun: Begun, response: Uint8Array): Promise<Finished> {
  const { first, serverFirst, attempt } = begun
  const final = readClientFinal(response)
  if (final === undefined) return { failed: 'malformed' }
  const signed = `${first.bare},${serverFirst},${final.withoutProof}`
  const access = await attempt.finish(problemOf(begun, final, signed, tls))
  if (access === 'wrong') return { failed: 'wrong' }
  const signature = hmac(attempt.keys.serverKey, signed).toString('base64')
  return { access, proof: Buffer.from(`v=${signature}`) }
}

function problemOf(
  begun: Begun,
  final: ClientFinal,
  signed: string,
  tls: TlsFacts | undefined,
): string | undefined {
  if (final.nonce !== begun.nonce) return 'the nonce is not that of the exchange'
  if (!isSameBytes(final.channel, channelInput(begun.first, tls))) return 'bound to another connection'
  return isProved(begun.attempt.keys, final.proof, signed) ? undefined : 'wrong password'
}

/** RFC 5802 §6: what the client must have bound to. */
function channelInput({ gs2Header, binding }: ClientFirst, tls: TlsFacts | undefined): Buffer {
  const start = Buffer.from(gs2Header)
  if (typeof binding !== 'object' || tls === undefined) return start
  return Buffer.concat([start, asBuffer(tls.exportKey(exporter.label, exporter.bytes))])
}

/** RFC 5802 §3: the proof is the client's key under a signature that only who has the stored key can take off. */
function isProved({ storedKey }: ScramKeys, proof: Buffer, signed: string): boolean {
  const signature = hmac(storedKey, signed)
  if (proof.length !== signature.length) return false
  const clientKey = Buffer.from(proof.map((byte, i) => byte ^ signature[i]!))
  return timingSafeEqual(hash('sha256', clientKey, 'buffer'), storedKey)
}

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()

const isSameBytes = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
