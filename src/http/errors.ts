/**
 * Failures as HTTP says them: problem documents (RFC 9457, which replaced RFC 7807). A Fault shows its public
 * text; whatever else is thrown shows nothing of itself.
 */
import { STATUS_CODES } from 'node:http'
import { HTTPException } from 'hono/http-exception'
import { type Fault, type FaultCode, isFault, SyntaxFault } from '#base/fault.ts'

const statusOf = {
  notFound: 404,
  forbidden: 403,
  exists: 409,
  invalid: 400,
  tooLarge: 413,
  overQuota: 507,
  conflict: 409,
  rateLimited: 429,
  unavailable: 503,
  authenticationFailed: 401,
} as const satisfies Record<FaultCode, number>

export interface Problem {
  readonly status: number
  readonly detail?: string
  /** The properties that are wrong, for `invalid`. */
  readonly properties?: readonly string[]
  /** What is wrong with each of them, as in the example of RFC 9457 §3. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

/** undefined for what is no expected failure: that is a programming error, to be logged. */
export function problemOf(error: unknown): { problem: Problem; headers: Record<string, string> } | undefined {
  if (isFault(error)) return problemOfFault(error)
  if (error instanceof SyntaxFault) {
    return { problem: { status: 400, detail: `Malformed at byte ${error.offset}` }, headers: {} }
  }
  if (error instanceof HTTPException && error.status < 500) {
    return { problem: { status: error.status, detail: error.message }, headers: {} }
  }
  return undefined
}

function problemOfFault(fault: Fault): { problem: Problem; headers: Record<string, string> } {
  const headers: Record<string, string> = {}
  if (isFault(fault, 'authenticationFailed')) headers['WWW-Authenticate'] = challenges(fault.detail)
  if (isFault(fault, 'rateLimited') && fault.detail.retryAfterMs !== undefined) {
    headers['Retry-After'] = String(Math.ceil(fault.detail.retryAfterMs / 1000))
  }
  const { properties, problems } = isFault(fault, 'invalid') ? fault.detail : {}
  const told = problems ?? properties?.map((property) => ({ property, problem: fault.publicText }))
  const errors = told?.map(({ property, problem }) => ({ pointer: pointerOf(property), detail: problem }))
  // RFC 9110 §15.5.13: what the request said about the present state does not hold.
  const isStale = isFault(fault, 'conflict') && fault.detail.stale === true
  return {
    problem: {
      status: isStale ? 412 : statusOf[fault.code],
      detail: fault.publicText,
      ...(properties === undefined ? {} : { properties }),
      ...(errors === undefined ? {} : { errors }),
    },
    headers,
  }
}

/** RFC 7617 §2.1, RFC 6750 §3: either may be used wherever one has to sign in. */
const challenges = ({ isWrongToken = false }: { readonly isWrongToken?: boolean }): string =>
  `Basic realm="Postern", charset="UTF-8", Bearer realm="Postern"${isWrongToken ? ', error="invalid_token"' : ''}`

/** RFC 6901 §6: as a fragment; without a property the whole body is meant. */
const pointerOf = (property: string): string =>
  property === ''
    ? '#'
    : `#/${property
        .split('/')
        .map((part) => encodeURIComponent(part.replaceAll('~', '~0')))
        .join('/')}`

export function problemResponse(
  problem: Problem,
  requestId: string,
  headers: Record<string, string> = {},
): Response {
  const { status, ...rest } = problem
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, ...rest, requestId }
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'Content-Type': 'application/problem+json' },
  })
}
