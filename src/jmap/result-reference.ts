/**
 * Arguments that are taken from the results of earlier calls (RFC 8620 §3.7): "#ids" in place of "ids", with a
 * JSON Pointer (RFC 6901) in which "*" goes through all members of a list.
 */
import { isObject, type Json, type JsonObject } from './value.ts'
import { MethodError } from './errors.ts'

/** A response that was given already, with the id of its call. */
export interface Answered {
  readonly name: string
  readonly arguments: JsonObject
  readonly callId: string
}

/** What references may stand for, as JSON, roughly: of all in a request together. */
export interface ReferenceRoom {
  left: number
}

const longestPath = 1000
/** So many values one "*" after the other may lead to. */
const mostValues = 100_000

/**
 * The arguments as they are meant. Throws MethodError `invalidArguments`, `invalidResultReference` and, without
 * room, `requestTooLarge`: a result that has the one before it twice is twice as large, call after call.
 */
export function resolveReferences(
  args: JsonObject,
  answered: readonly Answered[],
  room: ReferenceRoom,
): JsonObject {
  const names = Object.keys(args)
  if (!names.some((name) => name.startsWith('#'))) return args
  const resolved: Record<string, Json | undefined> = Object.create(null)
  for (const name of names) {
    if (!name.startsWith('#')) {
      resolved[name] = args[name]
      continue
    }
    const plain = name.slice(1)
    if (Object.hasOwn(args, plain))
      throw new MethodError('invalidArguments', `${plain} is given twice, by value and by reference`, {
        arguments: [plain],
      })
    const value = resolveReference(args[name], answered)
    takeRoom(value, room)
    resolved[plain] = value
  }
  return resolved
}

function resolveReference(reference: unknown, answered: readonly Answered[]): Json {
  if (!isObject(reference)) throw invalid('a reference must be an object')
  const { resultOf, name, path } = reference
  if (typeof resultOf !== 'string' || typeof name !== 'string' || typeof path !== 'string')
    throw invalid('a reference must have resultOf, name and path')
  if (path.length > longestPath) throw invalid('the path is too long')
  // The first response of that call; those of later calls are not there yet.
  const source = answered.find(({ callId }) => callId === resultOf)
  if (source === undefined) throw invalid('no earlier call has that id')
  if (source.name !== name) throw invalid('the call has a response of another name')
  if (path !== '' && !path.startsWith('/')) throw invalid('the path must begin with "/"')
  const tokens = path.split('/').slice(1)
  return follow(source.arguments, tokens, { left: mostValues })
}

function follow(value: Json, tokens: readonly string[], budget: { left: number }): Json {
  let at = value
  for (const [i, token] of tokens.entries()) {
    if (token === '*' && Array.isArray(at)) return each(at, tokens.slice(i + 1), budget)
    const next = member(at, token)
    if (next === undefined) throw invalid('the path leads to nothing')
    at = next
  }
  return at
}

/** RFC 8620 §3.7: the rest of the path for each member; lists are put together into one. */
function each(list: readonly Json[], rest: readonly string[], budget: { left: number }): Json {
  const found: Json[] = []
  for (const one of list) {
    const value = follow(one, rest, budget)
    const values = Array.isArray(value) ? (value as readonly Json[]) : [value]
    budget.left -= values.length + 1
    if (budget.left < 0) throw invalid('the path leads to too many values')
    for (const each of values) found.push(each)
  }
  return found
}

/** Looks at no more than there is room for. */
function takeRoom(value: Json, room: ReferenceRoom): void {
  room.left -= typeof value === 'string' ? value.length + 3 : 5
  if (room.left < 0)
    throw new MethodError('requestTooLarge', 'What the references stand for is larger than a request may be.')
  if (Array.isArray(value)) for (const one of value as readonly Json[]) takeRoom(one, room)
  else if (isObject(value))
    for (const [name, one] of Object.entries(value)) {
      room.left -= name.length + 3
      takeRoom(one as Json, room)
    }
}

function member(value: Json, token: string): Json | undefined {
  if (Array.isArray(value)) {
    // RFC 6901 §4: no leading zeros; "-" is behind the end.
    if (!/^(?:0|[1-9]\d{0,8})$/.test(token)) return undefined
    return (value as readonly Json[])[Number(token)]
  }
  const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

const invalid = (why: string): MethodError => new MethodError('invalidResultReference', why)
