/**
 * What a SASL mechanism is (RFC 4422 §3), for every protocol that has SASL. The protocol decodes base64,
 * bounds lines, handles `*` (cancel) and says what a failure looks like; the mechanism sees bytes.
 */
import type { Access } from '../access.ts'
import type { TlsFacts } from '#net/tls.ts'
import type { SignInSource } from '../candidate.ts'
import type { SignIn } from '../sign-in.ts'

/** The ways to sign in that mechanisms know. */
export type SaslSignIn = Pick<SignIn, 'password' | 'scram' | 'certificate'>

export interface SaslContext {
  readonly signIn: SaslSignIn
  readonly from: SignInSource
  readonly tls: TlsFacts | undefined
}

/** What decides which mechanisms are offered. */
export interface SaslChannel {
  readonly tls: TlsFacts | undefined
  /** Whether passwords may be sent in clear here: for tests on one machine. */
  readonly allowsClear: boolean
}

export type SaslStep =
  | { readonly done: Access }
  | { readonly challenge: Uint8Array }
  /** `malformed`: the client broke the rules of the mechanism; `wrong`: it is not who it says. */
  | { readonly failed: 'wrong' | 'malformed' }

export interface SaslExchange {
  /** `undefined` once at the start where the client sent no initial response. Faults of sign-in pass through. */
  next(response: Uint8Array | undefined): Promise<SaslStep>
}

export interface SaslMechanism {
  /** As in capabilities. */
  readonly name: string
  /** Not to be used without TLS: the password is readable on the wire, or nothing protects what follows. */
  readonly needsTls: boolean
  isOffered(
    channel: SaslChannel,
    settings: { readonly scramKeys: boolean; readonly certificateSignIn: boolean },
  ): boolean
  start(context: SaslContext): SaslExchange
}

/** RFC 4616 §2: what must be accepted at least; addresses are shorter. */
export const longestNameBytes = 255

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Text of 1 to `longest` bytes of right UTF-8 without NUL, undefined otherwise. */
export function readSafeText(bytes: Uint8Array, longest: number): string | undefined {
  if (bytes.length === 0 || bytes.length > longest || bytes.includes(0)) return undefined
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** Of mechanisms that need nothing but TLS. */
export const overTls = ({ tls, allowsClear }: SaslChannel): boolean => tls !== undefined || allowsClear
