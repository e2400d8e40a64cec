/**
 * One WebSocket of JMAP (RFC 8887 §4.3): requests, which are worked on side by side, and the changes that its client
 * wants to be told of.
 *
 * What must always hold: a request is answered or refused by its id; a client that sends more than it reads is not
 * read from until it does; all ends with the connection, which ends when its user may nothing any more, the client
 * says nothing for long, or the server drains, then after the requests that were begun.
 */
import type { RawData, WebSocket } from 'ws'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { RequestRates } from '#http/request-rates.ts'
import { RequestProblem, tooOften } from './errors.ts'
import { webSocketFailed } from './events.ts'
import { countRequest } from './gate.ts'
import type { End, Lasting } from './lasting.ts'
import type { RequestProcessor } from './processor.ts'
import { notRequest, parseIJson, readRequest } from './request.ts'
import { jmapSettings } from './settings.ts'
import type { StateFollower, StateWatch } from './state-watch.ts'
import { isObject, type JsonObject } from './value.ts'

export interface WebSocketSessionOptions {
  readonly processor: RequestProcessor
  readonly rates: RequestRates
  readonly stateWatch: StateWatch
  readonly telemetry: Telemetry
  /** The address of the server as the client sees it. */
  readonly base: string
  /** Of the client. */
  readonly ip: string
}

/** RFC 6455 §7.4.1. */
const goingAway = 1001
const unsupportedData = 1003
const policyViolation = 1008
const tooBig = 1009
const internalError = 1011

/**
 * Messages that are read while others are not answered, and bytes that the client has not taken. The bytes of those
 * messages may be as many as one request may have; then the client is not read from. What was read together with the
 * last of them is heard all the same, and where that makes several times as much, it was compressed to do harm.
 */
const mostUnanswered = 32
const mostTimes = 4
const readTogetherBytes = 256 * 1024
const mostUnsentBytes = 1024 * 1024
/** Of `dataTypes`. */
const mostTypes = 200

export class WebSocketSession {
  readonly #ws: WebSocket
  readonly #lasting: Lasting
  readonly #o: WebSocketSessionOptions
  readonly #running = new Set<Promise<void>>()
  /** Of the messages that are not answered. */
  #unansweredBytes = 0
  #follower: StateFollower | undefined
  /** Ends what tells of changes. */
  #pushing = new AbortController()
  /** What was begun is done to its end, as over HTTP, unless nobody is there any more. */
  readonly #gone = new AbortController()
  #heardAt = performance.now()

  constructor(ws: WebSocket, lasting: Lasting, o: WebSocketSessionOptions) {
    this.#ws = ws
    this.#lasting = lasting
    this.#o = o
  }

  /** Until the connection is closed, by whomever. */
  async run(): Promise<void> {
    const { signal } = this.#lasting
    const { websocketHeartbeat } = this.#settings
    const heartbeat = setInterval(() => this.#beat(), websocketHeartbeat)
    this.#lasting.onAccess = (access) => {
      if (this.#follower !== undefined) this.#follower.access = access
    }
    this.#ws.on('message', (data, isBinary) => this.#hear(data, isBinary))
    this.#ws.on('pong', () => this.#alive())
    this.#ws.on('ping', () => this.#alive())
    // What is wrong with a frame ends the connection, with the right code.
    this.#ws.on('error', () => {})
    this.#ws.once('close', () => {
      this.#gone.abort()
      this.#lasting.end('gone')
    })
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    clearInterval(heartbeat)
    this.#stopPushing()
    await this.#close(signal.reason as End)
  }

  get #settings() {
    return this.#o.processor.services.settings.get(jmapSettings)
  }

  #alive(): void {
    this.#heardAt = performance.now()
  }

  #beat(): void {
    if (performance.now() - this.#heardAt > this.#settings.websocketTimeout) this.#ws.terminate()
    else this.#ws.ping()
  }

  async #close(why: End): Promise<void> {
    // A client may go on to send until it has read that this is the end.
    this.#ws.removeAllListeners('message')
    if (why === 'refused') this.#ws.close(policyViolation, 'The sign-in does not hold any more.')
    if (why !== 'draining') return
    await Promise.all(this.#running)
    this.#ws.close(goingAway, 'The server is going away.')
  }

  #hear(data: RawData, isBinary: boolean): void {
    this.#alive()
    if (isBinary) {
      this.#ws.close(unsupportedData, 'Messages must be text.')
      return
    }
    const { length } = data as Buffer
    const { maxRequestSize } = this.#settings
    if (this.#unansweredBytes + length > mostTimes * maxRequestSize + readTogetherBytes) {
      this.#ws.removeAllListeners('message')
      this.#ws.close(tooBig, 'Too much at once.')
      return
    }
    this.#unansweredBytes += length
    const running = this.#answer(data as Buffer)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#running.delete(running)
        this.#unansweredBytes -= length
        if (this.#ws.isPaused) this.#ws.resume()
      })
    this.#running.add(running)
    const isMuch = this.#running.size >= mostUnanswered || this.#unansweredBytes >= maxRequestSize
    if (isMuch || this.#ws.bufferedAmount > mostUnsentBytes) this.#ws.pause()
  }

  async #answer(data: Buffer): Promise<void> {
    let requestId: string | null = null
    try {
      const { maxRequestSize } = this.#settings
      if (data.length > maxRequestSize)
        throw new RequestProblem('limit', `A request may have ${maxRequestSize} bytes.`, {
          limit: 'maxSizeRequest',
          status: 413,
        })
      const message = parseIJson(data)
      if (!isObject(message)) throw notRequest('it must be an object')
      const { id } = message
      if (typeof id === 'string') requestId = id
      else if (id !== undefined) throw notRequest('"id" must be a string')
      const waitMs = countRequest(this.#o.rates, this.#lasting.access)?.waitMs ?? 0
      if (waitMs > 0) throw tooOften('rateLimitAuthenticated', waitMs)
      await this.#do(message, requestId)
    } catch (error) {
      if (!(error instanceof RequestProblem)) throw error
      await this.#send({ '@type': 'RequestError', requestId, ...error.toJSON() })
    }
  }

  async #do(message: JsonObject, requestId: string | null): Promise<void> {
    switch (message['@type']) {
      case 'Request':
        return this.#request(message, requestId)
      case 'WebSocketPushEnable':
        return this.#enable(message)
      case 'WebSocketPushDisable':
        return this.#stopPushing()
      default:
        throw notRequest(
          '"@type" must be "Request", "WebSocketPushEnable" or "WebSocketPushDisable" (RFC 8887 §4.3)',
        )
    }
  }

  async #request(message: JsonObject, requestId: string | null): Promise<void> {
    const { processor, base, ip } = this.#o
    const { maxMethodCalls } = this.#settings
    const { access } = this.#lasting
    const { signal } = this.#gone
    try {
      const response = await processor.run({ access, ip, base, signal }, () =>
        readRequest(message, { maxCallsInRequest: maxMethodCalls }),
      )
      const id = requestId === null ? {} : { requestId }
      await this.#send({ '@type': 'Response', ...id, ...response })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** RFC 8887 §4.3.5.2. */
  async #enable({ dataTypes, pushState }: JsonObject): Promise<void> {
    const isList = Array.isArray(dataTypes) && dataTypes.every((one) => typeof one === 'string')
    if (dataTypes !== null && dataTypes !== undefined && !isList)
      throw notRequest('"dataTypes" must be a list of strings or null')
    if (isList && dataTypes.length > mostTypes) throw notRequest('"dataTypes" is too long')
    if (pushState !== null && pushState !== undefined && typeof pushState !== 'string')
      throw notRequest('"pushState" must be a string')
    this.#stopPushing()
    const pushing = (this.#pushing = new AbortController())
    const follower = await this.#o.stateWatch.follow(this.#lasting.access, {
      types: isList ? new Set(dataTypes) : null,
      since: pushState ?? undefined,
      throttleMs: this.#settings.websocketThrottle,
    })
    // Another one came in between, or the end.
    if (pushing.signal.aborted) follower[Symbol.dispose]()
    else {
      this.#follower = follower
      this.#push(follower, pushing.signal).catch((error: unknown) => {
        if (!pushing.signal.aborted) this.#failed(error)
      })
    }
  }

  async #push(follower: StateFollower, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { change, pushState } = await follower.next(signal)
      await this.#send({ ...change, pushState })
    }
  }

  #stopPushing(): void {
    this.#pushing.abort()
    this.#follower?.[Symbol.dispose]()
    this.#follower = undefined
  }

  /** Resolves when the client's side has taken it, or is gone. */
  #send(message: JsonObject): Promise<void> {
    return new Promise((resolve) => this.#ws.send(JSON.stringify(message), () => resolve()))
  }

  #failed(error: unknown): void {
    this.#o.telemetry.emit(webSocketFailed, { account: this.#lasting.access.account, error })
    this.#ws.close(internalError)
  }
}
