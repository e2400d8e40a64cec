/**
 * Everything that can go wrong, as JMAP says it: problems of a request (RFC 8620 §3.6.1), errors of a method
 * (§3.6.2), and errors of one object of a set (§5.3). What is thrown as a Fault elsewhere has its place in each.
 */
import { Fault, type FaultCode, isFault, type PropertyProblem } from '#base/fault.ts'
import type { JsonObject } from './value.ts'

/** RFC 9110 §10.2.3: there is room when another request ends, and the least that can be said is a second. */
const retryAfterMs = 1000

/** The request as a whole is refused. */
export class RequestProblem extends Error {
  readonly type: 'unknownCapability' | 'notJSON' | 'notRequest' | 'limit'
  readonly status: 400 | 413 | 429
  /** For `limit`: the one in the capabilities that would have been passed. */
  readonly limit: string | undefined
  /** For status 429. */
  readonly #retryAfterMs: number

  constructor(
    type: RequestProblem['type'],
    detail: string,
    o: { limit?: string; status?: RequestProblem['status']; retryAfterMs?: number } = {},
  ) {
    super(detail)
    this.name = 'RequestProblem'
    this.type = type
    this.status = o.status ?? 400
    this.limit = o.limit
    this.#retryAfterMs = o.retryAfterMs ?? retryAfterMs
  }

  /** RFC 7807. */
  toJSON(): JsonObject {
    return {
      type: `urn:ietf:params:jmap:error:${this.type}`,
      status: this.status,
      detail: this.message,
      ...(this.limit === undefined ? {} : { limit: this.limit }),
    }
  }

  toResponse(headers: Readonly<Record<string, string>> = {}): Response {
    return new Response(JSON.stringify(this), {
      status: this.status,
      headers: {
        ...headers,
        ...(this.status === 429 ? { 'Retry-After': String(Math.ceil(this.#retryAfterMs / 1000)) } : {}),
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
      },
    })
  }
}

/** Requests come too often: the setting that limits them, and when one may come again. */
export const tooOften = (
  limit: 'rateLimitAuthenticated' | 'rateLimitAnonymous',
  retryAfterMs: number,
): RequestProblem =>
  new RequestProblem('limit', `Too many requests, try again in ${Math.ceil(retryAfterMs / 1000)} s.`, {
    limit,
    status: 429,
    retryAfterMs,
  })

/** What is said of a method's error where there is no more to say than its type does. */
const usualDescriptions: Readonly<Record<string, string>> = {
  accountNotFound: 'There is no such account, or nothing of it may be seen.',
  accountNotSupportedByMethod: 'The method does not work on this account.',
  accountReadOnly: 'Nothing may be changed in this account.',
  anchorNotFound: 'The anchor is not among the results.',
  forbidden: 'This is not permitted.',
  fromAccountNotFound: 'There is no such account to copy from, or nothing of it may be seen.',
  requestTooLarge: 'More is asked for than a call may ask for: see the limits in the session.',
  serverFail: 'The server failed; its administrator finds the reason in the log.',
  stateMismatch: 'The state is another one: get the changes first.',
  unknownMethod: 'There is no such method, or "using" does not have its capability.',
}

/** A method is refused; nothing that it was to do has been done. */
export class MethodError extends Error {
  readonly type: string
  readonly more: JsonObject

  constructor(type: string, description = usualDescriptions[type], more: JsonObject = {}) {
    super(description ?? type)
    this.name = 'MethodError'
    this.type = type
    this.more = description === undefined ? more : { description, ...more }
  }

  toJSON(): JsonObject {
    return { type: this.type, ...this.more }
  }
}

export const invalidArguments = (problems: readonly PropertyProblem[]): MethodError =>
  new MethodError(
    'invalidArguments',
    problems.map(({ property, problem }) => `${property} ${problem}`).join('; '),
    { arguments: [...new Set(problems.map(({ property }) => property.split('/', 1)[0]!))] },
  )

/** One object of a set is refused. A Fault, so that `tx.attempt` takes back what was written for it. */
export class SetFault extends Fault {
  readonly setError: JsonObject

  constructor(type: string, description?: string, more: JsonObject = {}) {
    super('invalid', description ?? type, {})
    this.name = 'SetFault'
    this.setError = { type, ...(description === undefined ? {} : { description }), ...more }
  }
}

export const invalidProperties = (problems: readonly PropertyProblem[]): SetFault =>
  new SetFault(
    'invalidProperties',
    problems.map(({ property, problem }) => `${property} ${problem}`).join('; '),
    { properties: [...new Set(problems.map(({ property }) => property))] },
  )

const methodTypes = {
  notFound: 'invalidArguments',
  forbidden: 'forbidden',
  exists: 'invalidArguments',
  invalid: 'invalidArguments',
  tooLarge: 'requestTooLarge',
  overQuota: 'forbidden',
  conflict: 'serverUnavailable',
  rateLimited: 'serverUnavailable',
  unavailable: 'serverUnavailable',
  authenticationFailed: 'forbidden',
} as const satisfies Record<FaultCode, string>

const setTypes = {
  notFound: 'notFound',
  forbidden: 'forbidden',
  exists: 'invalidProperties',
  invalid: 'invalidProperties',
  tooLarge: 'tooLarge',
  overQuota: 'overQuota',
  conflict: 'stateMismatch',
  rateLimited: 'rateLimit',
  unavailable: 'serverFail',
  authenticationFailed: 'forbidden',
} as const satisfies Record<FaultCode, string>

/** What a method that threw this answers; undefined for a programming error. */
export function methodErrorOf(error: unknown): MethodError | undefined {
  if (error instanceof MethodError) return error
  if (error instanceof SetFault) {
    const { type, ...more } = error.setError
    return new MethodError(type as string, undefined, more)
  }
  return isFault(error) ? new MethodError(methodTypes[error.code], error.publicText) : undefined
}

/** What an object that was refused with this answers (RFC 8620 §5.3). */
export function setErrorOf(fault: Fault): JsonObject {
  if (fault instanceof SetFault) return fault.setError
  const type = setTypes[fault.code]
  const named = isFault(fault, 'invalid') ? fault.detail.properties : undefined
  return {
    type,
    description: fault.publicText,
    ...(type === 'invalidProperties'
      ? { properties: named ?? (fault.code === 'exists' ? ['name'] : []) }
      : {}),
  }
}
