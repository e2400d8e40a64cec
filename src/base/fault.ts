/**
 * Expected failures. A Fault carries one code of a closed union; each protocol has one complete table
 * (`<protocol>/errors.ts`) that turns codes into wire answers. Anything else that is thrown is a
 * programming error: peers are told "internal error" and the stack goes to the log.
 *
 * `publicText` may be shown to any peer and must reveal nothing; `reason` is for administrators.
 */

/** What is wrong with one property of what was given; the path of a nested one has slashes. */
export interface PropertyProblem {
  readonly property: string
  /** What would be right. Never repeats the value. */
  readonly problem: string
}

export interface FaultDetail {
  /** `what` names the kind of object ("mailbox", "message"). */
  notFound: { what: string }
  forbidden: { what: string }
  exists: { what: string }
  invalid: { properties?: readonly string[]; problems?: readonly PropertyProblem[] }
  tooLarge: { limit: number }
  overQuota: { limit: number }
  /** `stale`: whoever asks knows the object as it was before. */
  conflict: { stale?: boolean }
  rateLimited: { retryAfterMs?: number }
  /** Temporary trouble of our own: a full disk, a database that does not answer. */
  unavailable: object
  /** `isWrongToken`: what was shown is a bearer token (RFC 6750 §3.1). */
  authenticationFailed: { isWrongToken?: boolean }
}
export type FaultCode = keyof FaultDetail

const lastingCodes: ReadonlySet<FaultCode> = new Set([
  'notFound',
  'forbidden',
  'exists',
  'invalid',
  'tooLarge',
  'authenticationFailed',
])

export class Fault<C extends FaultCode = FaultCode> extends Error {
  readonly code: C
  readonly publicText: string
  readonly detail: FaultDetail[C]
  /** True where trying again later cannot help. */
  readonly lasting: boolean

  constructor(
    code: C,
    publicText: string,
    detail: FaultDetail[C],
    o: { reason?: string; cause?: unknown } = {},
  ) {
    super(o.reason ?? publicText, o.cause === undefined ? undefined : { cause: o.cause })
    this.name = 'Fault'
    this.code = code
    this.publicText = publicText
    this.detail = detail
    this.lasting = lastingCodes.has(code)
  }
}

/** Malformed input. `offset` counts bytes from the start of what was parsed. */
export class SyntaxFault extends Error {
  readonly offset: number
  constructor(message: string, offset: number) {
    super(message)
    this.name = 'SyntaxFault'
    this.offset = offset
  }
}

export const isFault = <C extends FaultCode>(error: unknown, code?: C): error is Fault<C> =>
  error instanceof Fault && (code === undefined || error.code === code)

/** Everything that is wrong with what somebody gave, property by property. */
export const invalidProperties = (problems: readonly PropertyProblem[]): Fault<'invalid'> =>
  new Fault('invalid', problems.map(({ property, problem }) => `${property}: ${problem}`).join('; '), {
    properties: [...new Set(problems.map(({ property }) => property))],
    problems,
  })
