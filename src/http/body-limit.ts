/**
 * A limit on the size of request bodies, without holding them: a declared length is judged at once, a chunked
 * body is counted as the handler reads it, whose read then fails with Fault `tooLarge`.
 */
import type { MiddlewareHandler } from 'hono'
import { Fault } from '#base/fault.ts'

/** `maxBytes` may depend on the path, so that uploads have another limit than the rest. */
export function limitBody(maxBytes: (path: string) => number): MiddlewareHandler {
  return async (c, next) => {
    const declared = c.req.header('content-length')
    const isChunked = c.req.header('transfer-encoding') !== undefined
    if (declared !== undefined || isChunked) {
      const limit = maxBytes(c.req.path)
      if (declared !== undefined && Number(declared) > limit) throw tooLarge(limit)
      if (isChunked && c.req.raw.body !== null) {
        const counted = c.req.raw.body.pipeThrough(counting(limit))
        c.req.raw = new Request(c.req.raw, { method: c.req.method, body: counted, duplex: 'half' })
      }
    }
    await next()
  }
}

function counting(limit: number): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.length
      if (bytes > limit) throw tooLarge(limit)
      controller.enqueue(chunk)
    },
  })
}

const tooLarge = (limit: number): Fault<'tooLarge'> =>
  new Fault('tooLarge', 'Request body too large', { limit })
