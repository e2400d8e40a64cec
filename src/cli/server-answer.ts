/**
 * Reading what a server answered. It may be another server than was meant, or a hostile one: whatever comes is
 * bounded, becomes JSON or a CliFailure, and steers nothing.
 */
import { CliFailure, type FieldProblem, Refusal } from './failure.ts'

/** More than this is no answer of the management. */
const mostAnswerBytes = 64 * 1024 * 1024
const mostProblems = 50
const longestText = 2000

/** The object that the body is. Throws CliFailure. */
export async function readAnswer(response: Response, url: URL): Promise<Record<string, unknown>> {
  const text = await readText(response, url)
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer === 'object' && answer !== null) return answer as Record<string, unknown>
  } catch {
    // Something that is not JSON: told below.
  }
  throw noPostern(response.status, url)
}

export interface ServerEvent {
  readonly event: string
  readonly data: unknown
}

/** More than this between two events is no event. */
const mostEventCharacters = 256 * 1024

/** Server-sent events, as the server writes them: `event: step`, `data: {...}`, an empty line. */
export async function* readEvents(response: Response, url: URL): AsyncGenerator<ServerEvent> {
  if (
    response.headers.get('content-type')?.startsWith('text/event-stream') !== true ||
    response.body === null
  )
    throw noPostern(response.status, url)
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of response.body) {
    text += decoder.decode(part, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop()!
    if (text.length > mostEventCharacters) throw notUnderstood()
    for (const block of blocks) yield readEvent(block)
  }
}

function readEvent(block: string): ServerEvent {
  const [, event, data] = /^event: ([a-z]{1,20})\ndata: (.*)$/.exec(block) ?? []
  try {
    if (event !== undefined) return { event, data: JSON.parse(data!) as unknown }
  } catch {
    // Told below.
  }
  throw notUnderstood()
}

async function readText(response: Response, url: URL): Promise<string> {
  if (response.body === null) return ''
  const parts: Uint8Array[] = []
  let length = 0
  // Leaving the loop cancels the rest.
  for await (const part of response.body) {
    length += part.length
    if (length > mostAnswerBytes) throw new CliFailure(`${url.origin} sends more than any answer could be`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

export const noPostern = (status: number, url: URL): CliFailure =>
  new CliFailure(`${url.origin} does not answer as a Postern server does (HTTP ${status})`, {
    hint: 'name the server with --url or POSTERN_URL',
  })

export const notUnderstood = (): CliFailure =>
  new CliFailure('the server answers in a way that is not understood', {
    hint: 'is it of another version than this program?',
  })

/** A problem document (RFC 9457) as a failure, field by field where it says so. */
export function refusalOf(status: number, problem: Record<string, unknown>): Refusal {
  const detail = problem['detail'] ?? problem['title']
  const text = typeof detail === 'string' ? detail : `the server said no (HTTP ${status})`
  const fields = fieldsOf(problem['errors'] ?? errorsIn(problem['properties'], text))
  const id = problem['requestId']
  const hint =
    status >= 500 && typeof id === 'string'
      ? { hint: `the server's log has more under ${id.slice(0, 60)}` }
      : {}
  if (fields.length === 0) return taken(status, text) ?? new Refusal(status, text.slice(0, longestText), hint)
  const message = fields.length === 1 ? 'one value is not right' : `${fields.length} values are not right`
  return new Refusal(status, message, { fields })
}

/**
 * `aliases/1/address: bob@example.org is taken already`: by whom, only whoever may list them is told. The hint may be
 * copied to a shell, so it has no address in it that a shell would read in another way.
 */
function taken(status: number, text: string): Refusal | undefined {
  const [, pointer, address] = /^([\w/]{1,100}): ([\w.+@*-]{1,400}) is taken already$/.exec(text) ?? []
  if (pointer === undefined) return undefined
  // In the addresses of a domain what catches the rest of it is found everywhere.
  const hint = address!.startsWith('@')
    ? `\`postern get Domain ${address!.slice(1)} --fields catchAllAddress\` shows whose it is`
    : `\`postern account list --search ${address}\` shows whose it is, or the same of \`group\` or \`list\``
  return new Refusal(status, `${fieldOf(pointer)}: ${address} is taken already`, { hint })
}

/** Of one property alone the text says what is wrong, after its name. */
function errorsIn(properties: unknown, text: string): unknown {
  const [property] = Array.isArray(properties) && properties.length === 1 ? (properties as unknown[]) : []
  if (typeof property !== 'string') return undefined
  const prefix = `${property}: `
  return [{ pointer: property, detail: text.startsWith(prefix) ? text.slice(prefix.length) : text }]
}

function fieldsOf(errors: unknown): readonly FieldProblem[] {
  if (!Array.isArray(errors)) return []
  return errors.slice(0, mostProblems).flatMap((error: unknown) => {
    const { pointer, detail } = (error ?? {}) as { pointer?: unknown; detail?: unknown }
    if (typeof pointer !== 'string' || typeof detail !== 'string') return []
    return [{ field: fieldOf(pointer.slice(0, longestText)), problem: detail.slice(0, longestText) }]
  })
}

/** `#/aliases/0/address` as people write it: `aliases[0].address` (RFC 6901 §6). */
function fieldOf(pointer: string): string {
  const parts = pointer.replace(/^#?\//, '').split('/').map(decoded)
  return parts.reduce(
    (path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`),
    '',
  )
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return part
  }
}
