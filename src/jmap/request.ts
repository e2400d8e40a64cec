/**
 * The Request object (RFC 8620 §3.3), read from a body: strict I-JSON (RFC 7493), the form to the letter, and the
 * limits of the request as a whole.
 */
import type { Access } from '#account/access.ts'
import { isFault, SyntaxFault } from '#base/fault.ts'
import { parseJsonBody } from '#http/json-body.ts'
import { RequestProblem } from './errors.ts'
import { isId, isObject, type JsonObject } from './value.ts'

/** RFC 8620 §3.2. */
export interface Invocation {
  readonly name: string
  readonly arguments: JsonObject
  readonly callId: string
}

export interface JmapRequest {
  readonly using: ReadonlySet<string>
  readonly methodCalls: readonly Invocation[]
  /** Where the client gave some, it is told all at the end. */
  readonly createdIds: ReadonlyMap<string, string> | undefined
}

/** Who sent it, and from where. */
export interface Asker {
  readonly access: Access
  /** Of the client. */
  readonly ip: string
  /** The address of the server as the client sees it. */
  readonly base: string
  readonly signal: AbortSignal
}

export interface RequestLimits {
  readonly maxCallsInRequest: number
}

/** Throws RequestProblem. */
export function parseRequest(bytes: Uint8Array, limits: RequestLimits): JmapRequest {
  return readRequest(parseIJson(bytes), limits)
}

/** Throws RequestProblem `notJSON`. */
export function parseIJson(bytes: Uint8Array): unknown {
  let value: unknown
  try {
    value = parseJsonBody(bytes)
  } catch (error) {
    if (isFault(error, 'invalid') || error instanceof SyntaxFault)
      throw new RequestProblem('notJSON', `The request is no I-JSON: ${error.message}.`)
    throw error
  }
  if (mayHaveOddText(bytes) && hasOddText(value))
    throw new RequestProblem('notJSON', 'The request is no I-JSON: a string has half a character, or none.')
  return value
}

/** Throws RequestProblem `notRequest` and `limit`. */
export function readRequest(value: unknown, { maxCallsInRequest }: RequestLimits): JmapRequest {
  if (!isObject(value)) throw notRequest('it must be an object')
  const { using, methodCalls, createdIds } = value
  if (!Array.isArray(using) || !using.every((one) => typeof one === 'string'))
    throw notRequest('"using" must be a list of strings')
  if (!Array.isArray(methodCalls)) throw notRequest('"methodCalls" must be a list')
  if (methodCalls.length > maxCallsInRequest)
    throw new RequestProblem('limit', `A request may have ${maxCallsInRequest} method calls.`, {
      limit: 'maxCallsInRequest',
    })
  return {
    using: new Set(using),
    methodCalls: methodCalls.map(readInvocation),
    createdIds: createdIds === undefined ? undefined : readCreatedIds(createdIds),
  }
}

function readInvocation(value: unknown): Invocation {
  const [name, args, callId] = Array.isArray(value) && value.length === 3 ? (value as unknown[]) : []
  if (typeof name !== 'string' || !isObject(args) || typeof callId !== 'string')
    throw notRequest('each method call must be a list of a name, an object and a call id')
  return { name, arguments: args, callId }
}

function readCreatedIds(value: unknown): ReadonlyMap<string, string> {
  const entries = isObject(value) ? Object.entries(value) : undefined
  if (!entries?.every(([key, id]) => isId(key) && typeof id === 'string' && isId(id)))
    throw notRequest('"createdIds" must be an object of ids')
  return new Map(entries as [string, string][])
}

export const notRequest = (why: string): RequestProblem =>
  new RequestProblem('notRequest', `The request is not of the form of RFC 8620 §3.3: ${why}.`)

/**
 * RFC 7493 §2.1: no surrogates without the other, no noncharacters. Most requests are passed over quickly: it takes
 * an escape of these, or a character of three bytes or more, of which all noncharacters are.
 */
const mayHaveOddText = (bytes: Uint8Array): boolean => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return suspicious.some((one) => buffer.includes(one))
}

const suspicious = [
  ...['\\ud', '\\uD', '\\uf', '\\uF'].map((text) => Buffer.from(text)),
  // U+FDD0 to U+FDEF; U+FFFE and U+FFFF; those of the other planes end with these bytes too.
  Buffer.from([0xef, 0xb7]),
  Buffer.from([0xbf, 0xbe]),
  Buffer.from([0xbf, 0xbf]),
]
const noncharacter = /\p{Noncharacter_Code_Point}/u

function hasOddText(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed() || noncharacter.test(value)
  if (Array.isArray(value)) return value.some(hasOddText)
  if (!isObject(value)) return false
  return Object.entries(value).some(([name, one]) => hasOddText(name) || hasOddText(one))
}
