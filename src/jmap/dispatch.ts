/**
 * Works on a request: one call after the other, each with what those before it gave (RFC 8620 §3.3 to §3.7).
 *
 * What must always hold: a call that fails is answered with "error" and does not stop those behind it; a
 * programming error is told as serverFail, without a word of what it was.
 */
import type { Access } from '#account/access.ts'
import type { Identity } from '#mail/rights.ts'
import { invalidArguments, MethodError, methodErrorOf, RequestProblem } from './errors.ts'
import { identityOf, openAccount, type OpenAccount } from './accounts.ts'
import type { Call, JmapMethod, MethodResponse } from './method.ts'
import type { Invocation, JmapRequest } from './request.ts'
import { type Answered, type ReferenceRoom, resolveReferences } from './result-reference.ts'
import { jmapSettings } from './settings.ts'
import type { JmapServices } from './services.ts'
import { type Json, type JsonObject, readFields } from './value.ts'
import type { PropertyProblem } from '#base/fault.ts'

export interface DispatchOptions {
  readonly services: JmapServices
  readonly methods: ReadonlyMap<string, JmapMethod>
  /** URNs that a request may use. */
  readonly capabilities: ReadonlySet<string>
  readonly describe: Call['describe']
  readonly onCrash: (error: unknown, method: string) => void
}

export interface Responses {
  readonly methodResponses: readonly (readonly [string, JsonObject, string])[]
  readonly createdIds?: JsonObject
}

/** Throws RequestProblem `unknownCapability`. */
export async function dispatch(
  o: DispatchOptions,
  request: JmapRequest,
  by: Pick<Call, 'access' | 'ip' | 'signal'>,
): Promise<Responses> {
  for (const urn of request.using)
    if (!o.capabilities.has(urn))
      throw new RequestProblem(
        'unknownCapability',
        `There is no capability ${JSON.stringify(urn.slice(0, 200))} here.`,
      )
  const createdIds = new Map(request.createdIds)
  const told: Answered[] = []
  const room = { left: o.services.settings.get(jmapSettings).maxRequestSize }
  const call: Call = {
    ...by,
    services: o.services,
    using: request.using,
    describe: o.describe,
    createdIds,
    account: accountsOf(o.services, by.access),
    resolve: (text) => (text.startsWith('#') ? createdIds.get(text.slice(1)) : text),
    imply: async (name, args) => {
      const responses = await answered(o, call, name, async () => {
        const method = o.methods.get(name)
        if (method === undefined) throw new MethodError('unknownMethod')
        return run(method, call, args)
      })
      return responses.map((response) => ({ name, ...response }))
    },
  }
  for (const invocation of request.methodCalls) {
    by.signal.throwIfAborted()
    for (const { name, arguments: args } of await answer(o, request, call, invocation, { told, room }))
      told.push({ name: name ?? invocation.name, arguments: args, callId: invocation.callId })
  }
  return {
    methodResponses: told.map(({ name, arguments: args, callId }) => [name, args, callId] as const),
    ...(request.createdIds === undefined ? {} : { createdIds: objectOf(createdIds) }),
  }
}

/** Opens accounts: who the user is, is looked up once for all calls of a request. */
function accountsOf(services: JmapServices, access: Access): Call['account'] {
  const opened = new Map<string, Promise<OpenAccount>>()
  let identity: Promise<Identity> | undefined
  return (text) => {
    let account = opened.get(text)
    if (account === undefined) {
      account = openAccount(services, access, text, (identity ??= identityOf(services, access)))
      opened.set(text, account)
    }
    return account
  }
}

/** An object with names of the client's choice, which mean nothing. */
export const objectOf = (entries: Iterable<readonly [string, Json]>): JsonObject => {
  const found: Record<string, Json> = Object.create(null)
  for (const [name, value] of entries) found[name] = value
  return found
}

const answer = (
  o: DispatchOptions,
  { using }: JmapRequest,
  call: Call,
  { name, arguments: given }: Invocation,
  { told, room }: { readonly told: readonly Answered[]; readonly room: ReferenceRoom },
): Promise<readonly MethodResponse[]> =>
  answered(o, call, name, async () => {
    const method = o.methods.get(name)
    if (method === undefined || !using.has(method.using)) throw new MethodError('unknownMethod')
    return run(method, call, resolveReferences(given, told, room))
  })

/** What a method gives, or the error that stands for it. */
async function answered(
  o: DispatchOptions,
  call: Call,
  name: string,
  run: () => Promise<readonly MethodResponse[]>,
): Promise<readonly MethodResponse[]> {
  try {
    return await run()
  } catch (error) {
    const known = methodErrorOf(error)
    if (known === undefined) {
      if (call.signal.aborted) throw error
      o.onCrash(error, name)
    }
    return [{ name: 'error', arguments: (known ?? new MethodError('serverFail')).toJSON() }]
  }
}

function run(method: JmapMethod, call: Call, given: JsonObject): Promise<readonly MethodResponse[]> {
  if (method.permission !== undefined && !call.access.permissions.has(method.permission))
    throw new MethodError('forbidden', `This needs the permission ${method.permission}.`)
  return method.call(call, readArguments(method, given))
}

function readArguments(method: JmapMethod, given: JsonObject): Readonly<Record<string, unknown>> {
  if (method.takesAnything === true) return given
  const problems: PropertyProblem[] = []
  const args = readFields(method.arguments, given, problems)
  for (const name of method.required)
    if (!Object.hasOwn(given, name)) problems.push({ property: name, problem: 'must be there' })
  if (problems.length > 0) throw invalidArguments(problems)
  return args
}
