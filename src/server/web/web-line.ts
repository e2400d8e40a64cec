/**
 * How further workers serve HTTP. JMAP they serve themselves; what only the main worker knows (the management, the
 * queue, numbers of all threads, pages) they ask it for over this line, request by request.
 *
 * What must always hold: who asks is who the worker found it to be, and the main worker checks the rest as if it had
 * got the request itself; a request passes as a whole, within the limit of the worker's router, and an answer as it
 * comes; when the main worker is gone, so is the process.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Access } from '#account/access.ts'
import { Fault } from '#base/fault.ts'
import type { Client } from '#http/client.ts'
import type { HttpContext, Router } from '#http/router.ts'
import { RequestProblem } from '#jmap/errors.ts'
import { objectsFor } from '#jmap/capabilities/management.ts'
import type { ManagedElsewhere } from '#jmap/managed.ts'
import type { RequestProcessor } from '#jmap/processor.ts'
import type { Asker, JmapRequest } from '#jmap/request.ts'
import type { JsonObject } from '#jmap/value.ts'
import type { Management } from '#registry/management.ts'

interface HttpQuestion {
  readonly kind: 'http'
  readonly method: string
  readonly url: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: ArrayBuffer | undefined
  readonly client: Client
  readonly listener: string
}

type Question =
  | HttpQuestion
  | { readonly kind: 'jmap'; readonly asker: Omit<Asker, 'signal'>; readonly request: JmapRequest }
  | { readonly kind: 'objects'; readonly access: Access }

type Answer =
  | {
      readonly kind: 'http'
      readonly status: number
      readonly headers: readonly (readonly [string, string])[]
      readonly body: ReadableStream | undefined
    }
  | { readonly kind: 'json'; readonly json: JsonObject }
  | {
      readonly kind: 'refused'
      readonly problem: Pick<RequestProblem, 'type' | 'message' | 'status' | 'limit'>
    }
  | { readonly kind: 'failed' }

interface Asked {
  readonly id: number
  readonly question: Question
}

interface Answered {
  readonly id: number
  readonly answer: Answer
}

/** A worker's end. */
export class WebLine implements ManagedElsewhere, Disposable {
  readonly #port: MessagePort
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #lastId = 0

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', ({ id, answer }: Answered) => {
      this.#waiting.get(id)?.(answer)
      this.#waiting.delete(id)
    })
  }

  /** The handler of routes that the main worker has. */
  async fetch(c: HttpContext): Promise<Response> {
    const { req, env } = c
    const body = req.raw.body === null ? undefined : await req.arrayBuffer()
    const answer = await this.#ask({
      kind: 'http',
      method: req.method,
      url: req.url,
      headers: [...req.raw.headers],
      body,
      client: env.client,
      listener: env.listener,
    })
    if (answer.kind !== 'http') throw failed()
    const { status, headers } = answer
    return new Response(answer.body, { status, headers: new Headers(headers as [string, string][]) })
  }

  async run({ access, ip, base }: Asker, request: JmapRequest): Promise<JsonObject> {
    return jsonOf(await this.#ask({ kind: 'jmap', asker: { access, ip, base }, request }))
  }

  async objects(access: Access): Promise<JsonObject> {
    return jsonOf(await this.#ask({ kind: 'objects', access }))
  }

  [Symbol.dispose](): void {
    this.#port.close()
    for (const settle of this.#waiting.values()) settle({ kind: 'failed' })
    this.#waiting.clear()
  }

  #ask(question: Question): Promise<Answer> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#port.postMessage({ id, question } satisfies Asked)
    })
  }
}

const failed = (): Fault =>
  new Fault('unavailable', 'try again later', {}, { reason: 'the main worker failed' })

function jsonOf(answer: Answer): JsonObject {
  if (answer.kind === 'json') return answer.json
  if (answer.kind !== 'refused') throw failed()
  const { type, message, status, limit } = answer.problem
  throw new RequestProblem(type, message, { status, ...(limit === undefined ? {} : { limit }) })
}

export interface WebLineServices {
  readonly router: Router
  readonly processor: RequestProcessor
  readonly management: Management
  readonly onFailure: (error: unknown) => void
}

/** On the main worker: answers a further one for as long as that lives. Returns the further one's end. */
export function serveWebLine(o: WebLineServices): MessagePort {
  const { port1: port, port2: end } = new MessageChannel()
  port.on('message', ({ id, question }: Asked) => {
    void answerTo(question, o).then((answer) => {
      const body = answer.kind === 'http' ? answer.body : undefined
      port.postMessage({ id, answer } satisfies Answered, body === undefined ? [] : [body])
    })
  })
  // The worker itself keeps the process alive.
  port.unref()
  return end
}

async function answerTo(question: Question, o: WebLineServices): Promise<Answer> {
  try {
    switch (question.kind) {
      case 'http':
        return await answerHttp(o.router, question)
      case 'objects':
        return { kind: 'json', json: objectsFor(o.management, question.access) }
      case 'jmap': {
        const { asker, request } = question
        // Whoever asked may be gone: what was begun is done to its end.
        const { signal } = new AbortController()
        return { kind: 'json', json: await o.processor.runCounted({ ...asker, signal }, request) }
      }
    }
  } catch (error) {
    if (error instanceof RequestProblem) {
      const { type, message, status, limit } = error
      return { kind: 'refused', problem: { type, message, status, limit } }
    }
    o.onFailure(error)
    return { kind: 'failed' }
  }
}

async function answerHttp(router: Router, asked: HttpQuestion): Promise<Answer> {
  const { method, url, body, client, listener } = asked
  const headers = new Headers(asked.headers as [string, string][])
  const request = new Request(url, { method, headers, ...(body === undefined ? {} : { body }) })
  const response = await router.fetch(request, {
    client,
    listener,
    upgrade: undefined,
    draining: new AbortController().signal,
    // The connection is the worker's; these routes look at neither.
    incoming: {} as IncomingMessage,
    outgoing: {} as ServerResponse,
  })
  return {
    kind: 'http',
    status: response.status,
    headers: [...response.headers],
    body: response.body ?? undefined,
  }
}
