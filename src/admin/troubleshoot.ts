/**
 * `/api/troubleshoot/delivery/:address`: goes the way that mail for an address would, and tells each step as
 * it happens, as server-sent events (HTML, "Server-sent events"): `step` for each, `end` with the outcome.
 */
import { performance } from 'node:perf_hooks'
import { normaliseAddress } from '#base/domain-name.ts'
import { Fault } from '#base/fault.ts'
import type { ProbeStep } from '#queue/transport.ts'
import { text } from '#settings/field.ts'
import { queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

/** True where mail would get there. Rejects when the signal is aborted. */
export type TryDelivery = (
  envelope: { readonly from: string; readonly to: string },
  o: { readonly signal: AbortSignal; readonly tell: (step: ProbeStep) => void },
) => Promise<boolean>

export interface TroubleshootOptions {
  readonly tryDelivery: TryDelivery
}

export interface ShownStep extends ProbeStep {
  /** Since the beginning. */
  readonly afterMs: number
}

export interface ShownEnd {
  /** Whether mail would be taken. */
  readonly accepted: boolean
  readonly afterMs: number
  /** Where it did not come to an end. */
  readonly failure?: string
}

/** All of it may take so long. */
const longestMs = 180_000
const perMinute = 20
const mostAtOnce = 5
const minuteMs = 60_000

const fields = {
  from: text({
    fallback: '',
    help: 'Who sends; nobody where absent, as for a notification.',
    allowed: 'an address such as "alice@example.org"',
    normalise: (given) => (given === '' ? '' : normaliseAddress(given)),
  }),
}

export function troubleshootRoute({ tryDelivery }: TroubleshootOptions): ApiRoute {
  const begun: number[] = []
  let running = 0
  /** Other servers take those who knock often for somebody who guesses addresses. */
  const assertNotOften = (): void => {
    const now = performance.now()
    while (begun.length > 0 && begun[0]! <= now - minuteMs) begun.shift()
    if (running < mostAtOnce && begun.length < perMinute) {
      begun.push(now)
      return
    }
    const retryAfterMs = running >= mostAtOnce ? 5000 : Math.ceil(begun[0]! + minuteMs - now)
    throw new Fault('rateLimited', 'Other servers were asked often just now.', { retryAfterMs })
  }
  return {
    method: 'GET',
    path: '/api/troubleshoot/delivery/:address',
    tag: 'Troubleshooting',
    summary: 'Whether mail for an address gets there: each step as it happens; no message is sent',
    permissions: ['liveDeliveryTest'],
    query: fields,
    bare: true,
    type: 'text/event-stream',
    data: { type: 'string' },
    handle: (c) => {
      const { from } = queryOf(c, fields) as { from: string }
      const to = normaliseAddress(c.req.param('address')!)
      if (to === undefined) throw new Fault('notFound', 'This is no address.', { what: 'address' })
      assertNotOften()
      running++
      const gone = new AbortController()
      const signal = AbortSignal.any([gone.signal, c.req.raw.signal, AbortSignal.timeout(longestMs)])
      const began = performance.now()
      const body = new ReadableStream<Uint8Array>({
        start(stream) {
          const afterMs = (): number => Math.round(performance.now() - began)
          const send = (event: string, data: ShownStep | ShownEnd): void => {
            if (!gone.signal.aborted)
              stream.enqueue(Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`))
          }
          const tell = (step: ProbeStep): void => send('step', { ...step, afterMs: afterMs() })
          void tryDelivery({ from, to }, { signal, tell })
            .then((accepted) => send('end', { accepted, afterMs: afterMs() }))
            .catch(() => {
              const failure = signal.aborted ? 'it took too long' : 'internal error'
              send('end', { accepted: false, afterMs: afterMs(), failure })
            })
            .finally(() => {
              running--
              if (!gone.signal.aborted) stream.close()
            })
        },
        cancel: () => gone.abort(),
      })
      const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }
      return new Response(body, { headers })
    },
  }
}
