/** What JMAP answers over HTTP: the session and requests. Uploads, downloads and events have files of their own. */
import { type Context, Hono } from 'hono'
import type { AccessWatch } from '#account/access-watch.ts'
import { refuseOtherMethods } from '#http/other-methods.ts'
import { rateLimitHeaders } from '#http/rate-limit.ts'
import type { RequestRates } from '#http/request-rates.ts'
import type { HttpEnv } from '#http/router.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { RequestProblem } from './errors.ts'
import { crossOrigin } from './cross-origin.ts'
import { addDownloadRoutes } from './download.ts'
import { eventSource } from './event-source.ts'
import { type JmapEnv, jmapGate, type JmapSignIn } from './gate.ts'
import type { RequestProcessor } from './processor.ts'
import { parseRequest } from './request.ts'
import { jmapSettings } from './settings.ts'
import { addUploadRoutes } from './upload.ts'
import type { StateWatch } from './state-watch.ts'
import type { JsonObject } from './value.ts'
import { webSocket } from './websocket.ts'

export interface JmapOptions {
  readonly processor: RequestProcessor
  readonly signIn: JmapSignIn
  readonly rates: RequestRates
  /** The address of the server, where an administrator said one. */
  readonly publicUrl: () => string | undefined
  /** Whether web clients of other sites may ask. */
  readonly permitsOtherSites: () => boolean
  readonly stateWatch: StateWatch
  readonly accessWatch: Pick<AccessWatch, 'watch'>
  readonly telemetry: Telemetry
}

export function addJmapRoutes(everything: Hono<HttpEnv>, o: JmapOptions): void {
  const router = new Hono<JmapEnv>()
  const fromElsewhere = crossOrigin(o.permitsOtherSites)
  const gate = jmapGate(o)
  for (const path of ['/jmap', '/jmap/*', '/.well-known/jmap']) router.use(path, fromElsewhere, gate)
  const session = (c: Context<JmapEnv>): Promise<Response> => answerSession(o, c)
  // RFC 8620 §2.2.
  router.get('/.well-known/jmap', session)
  router.get('/jmap/session', session)
  const api = (c: Context<JmapEnv>): Promise<Response> => answerRequest(o, c)
  router.post('/jmap', api)
  router.post('/jmap/', api)
  addUploadRoutes(router, o.processor.services)
  addDownloadRoutes(router, o.processor.services)
  router.get('/jmap/eventsource/', eventSource({ ...o, services: o.processor.services }))
  const ws = webSocket({ ...o, baseOf: (c) => baseOf(o, c) })
  router.get('/jmap/ws', ws)
  router.get('/jmap/ws/', ws)
  refuseOtherMethods(
    router,
    router.routes.filter(({ method }) => method !== 'ALL'),
  )
  everything.route('/', router)
}

/** The address under which the client knows the server. */
function baseOf({ publicUrl }: JmapOptions, c: Context<JmapEnv>): string {
  const known = publicUrl()
  if (known !== undefined) return known
  const { host } = new URL(c.req.url)
  return `${c.env.client.secure ? 'https' : 'http'}://${host}`
}

async function answerSession(o: JmapOptions, c: Context<JmapEnv>): Promise<Response> {
  const session = await o.processor.session({ access: c.get('access'), base: baseOf(o, c) })
  // RFC 8620 §2: it must not be taken from a cache without asking.
  return json(textOf(session), { 'Cache-Control': 'no-cache, no-store, must-revalidate' })
}

async function answerRequest(o: JmapOptions, c: Context<JmapEnv>): Promise<Response> {
  const headers = rateLimitHeaders(o.processor.room(c.get('access')))
  try {
    assertJson(c.req.header('content-type'))
    const { settings } = o.processor.services
    const { maxRequestSize, maxMethodCalls } = settings.get(jmapSettings)
    const asker = {
      access: c.get('access'),
      ip: c.env.client.ip,
      base: baseOf(o, c),
      signal: c.req.raw.signal,
    }
    const response = await o.processor.run(asker, async () =>
      parseRequest(await readBody(c, maxRequestSize), { maxCallsInRequest: maxMethodCalls }),
    )
    return json(bytesOf(response), { ...headers, 'Cache-Control': 'no-store' })
  } catch (error) {
    if (!(error instanceof RequestProblem)) throw error
    return error.toResponse(headers)
  }
}

/** As bytes: of a text, node would make them once for the length and once more, and copy it behind the header. */
const bytesOf = (value: JsonObject): Buffer => Buffer.from(JSON.stringify(value))

const sessionTexts = new WeakMap<JsonObject, Buffer>()

/** A session is the same object until it changes. */
function textOf(session: JsonObject): Buffer {
  const known = sessionTexts.get(session)
  if (known !== undefined) return known
  const text = bytesOf(session)
  sessionTexts.set(session, text)
  return text
}

const json = (bytes: Buffer, headers: Record<string, string>): Response =>
  new Response(bytes, { headers: { 'Content-Type': 'application/json', ...headers } })

/** RFC 8620 §3.6.1: what is not application/json is notJSON. */
function assertJson(type: string | undefined): void {
  if (!/^application\/json\s*(?:;|$)/i.test(type ?? ''))
    throw new RequestProblem('notJSON', 'The content type must be application/json.')
}

/** The body, as long as it may be. Throws RequestProblem `limit`. */
async function readBody(c: Context<JmapEnv>, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (): RequestProblem =>
    new RequestProblem('limit', `A request may have ${maxBytes} bytes.`, {
      limit: 'maxSizeRequest',
      status: 413,
    })
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of c.req.raw.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}
