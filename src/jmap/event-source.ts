/**
 * The event source (RFC 8620 §7.3): a response that does not end, with an event for each change.
 *
 * What must always hold: the next event is made when the one before was taken, so a client that does not read costs
 * nothing; something is said more often than the server's limit for idle connections; ids are of state events only.
 */
import type { Context } from 'hono'
import { Fault } from '#base/fault.ts'
import type { JmapEnv } from './gate.ts'
import { Lasting, type LastingOptions } from './lasting.ts'
import { jmapSettings } from './settings.ts'
import type { Pushed, StateFollower, StateWatch } from './state-watch.ts'
import type { JmapServices } from './services.ts'

/** RFC 8620 §7.3: the least may be 30 seconds at most, and the most 300 at least. */
const leastPing = 5
const mostPing = 3600
/** Says nothing, to keep the connection: `http/server.ts` cuts those that are idle for two minutes. */
const comment = ':\n\n'
const commentMs = 50_000
const longestTypes = 4000

export interface EventSourceOptions {
  readonly services: Pick<JmapServices, 'settings' | 'running'>
  readonly stateWatch: StateWatch
  readonly accessWatch: LastingOptions['accessWatch']
  /** Milliseconds after which a comment is said, where nothing else is. */
  readonly commentMs?: number
}

interface Wanted {
  readonly types: ReadonlySet<string> | null
  readonly closeAfterState: boolean
  /** 0: none. */
  readonly pingSeconds: number
}

/** The handler of GET. */
export function eventSource(o: EventSourceOptions): (c: Context<JmapEnv>) => Promise<Response> {
  const open = o.services.running.eventSources
  return async (c) => {
    const wanted = readWanted(new URL(c.req.url).searchParams)
    const { accessWatch } = o
    const { draining } = c.env
    const access = c.get('access')
    const lasting = new Lasting({ access, accessWatch, open, draining })
    try {
      const follower = await o.stateWatch.follow(access, {
        types: wanted.types,
        since: c.req.header('last-event-id') || undefined,
        throttleMs: o.services.settings.get(jmapSettings).eventSourceThrottle,
      })
      lasting.onAccess = (now) => (follower.access = now)
      return streamOf(new Events(lasting, follower, wanted, o.commentMs ?? commentMs))
    } catch (error) {
      lasting.end('gone')
      throw error
    }
  }
}

/** Throws Fault `invalid`. */
function readWanted(parameters: URLSearchParams): Wanted {
  const problems: { property: string; problem: string }[] = []
  const types = parameters.get('types') ?? ''
  if (types === '' || types.length > longestTypes)
    problems.push({ property: 'types', problem: 'must be names of types with commas, or "*"' })
  const closeAfter = parameters.get('closeafter')
  if (closeAfter !== 'state' && closeAfter !== 'no')
    problems.push({ property: 'closeafter', problem: 'must be "state" or "no"' })
  const ping = parameters.get('ping') ?? ''
  if (!/^\d{1,15}$/.test(ping)) problems.push({ property: 'ping', problem: 'must be a number of seconds' })
  if (problems.length > 0)
    throw new Fault('invalid', 'The URL is not of the form of RFC 8620 §7.3.', { problems })
  const seconds = Number(ping)
  return {
    types: types === '*' ? null : new Set(types.split(',')),
    closeAfterState: closeAfter === 'state',
    pingSeconds: seconds === 0 ? 0 : Math.min(Math.max(seconds, leastPing), mostPing),
  }
}

function streamOf(events: Events): Response {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const text = await events.next()
        if (events.isCancelled) return
        if (text === undefined) controller.close()
        else controller.enqueue(encoder.encode(text))
      },
      cancel: () => events.cancel(),
    },
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      // A proxy that gathers would keep events from their reader.
      'X-Accel-Buffering': 'no',
    },
  })
}

class Events {
  readonly #lasting: Lasting
  readonly #follower: StateFollower
  readonly #wanted: Wanted
  readonly #commentMs: number
  isCancelled = false
  #coming: Promise<Pushed | undefined> | undefined
  /** Since the last event. */
  #waitedMs = 0
  #isOver = false

  constructor(lasting: Lasting, follower: StateFollower, wanted: Wanted, commentEveryMs: number) {
    this.#lasting = lasting
    this.#follower = follower
    this.#wanted = wanted
    this.#commentMs = commentEveryMs
  }

  /** What is to be written next; undefined: the end. */
  async next(): Promise<string | undefined> {
    if (this.#isOver) return undefined
    this.#coming ??= this.#follower.next(this.#lasting.signal).catch(() => undefined)
    const { pingSeconds, closeAfterState } = this.#wanted
    const toPing = pingSeconds === 0 ? Infinity : pingSeconds * 1000 - this.#waitedMs
    const ms = Math.min(toPing, this.#commentMs)
    const found = await within(this.#coming, ms)
    if (found === 'nothing') {
      this.#waitedMs += ms
      return toPing <= ms ? this.#ping() : comment
    }
    this.#coming = undefined
    if (found === undefined || closeAfterState) this.#close()
    if (found === undefined) return undefined
    this.#waitedMs = 0
    return `event: state\ndata: ${JSON.stringify(found.change)}\nid: ${found.pushState}\n\n`
  }

  cancel(): void {
    this.isCancelled = true
    this.#close()
  }

  #ping(): string {
    this.#waitedMs = 0
    return `event: ping\ndata: {"interval":${this.#wanted.pingSeconds}}\n\n`
  }

  #close(): void {
    this.#isOver = true
    this.#follower[Symbol.dispose]()
    this.#lasting.end('gone')
  }
}

/** What the promise gives, where it does in time. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'nothing'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'nothing'>((resolve) => {
    timer = setTimeout(() => resolve('nothing'), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
