/**
 * The bus of one process: direct calls within a worker, and a BroadcastChannel to the others where there are
 * any. Handlers must not throw; one that does is reported and does not stop the rest.
 */
import { BroadcastChannel } from 'node:worker_threads'
import type { Bus, BusHandler, BusMessage } from '../bus.ts'

type AnyHandler = (message: BusMessage) => void

export class LocalBus implements Bus, Disposable {
  readonly #handlers = new Map<BusMessage['kind'], Set<AnyHandler>>()
  readonly #channel: BroadcastChannel | undefined
  readonly #onError: (error: unknown) => void

  /** `channelName` is shared by the workers of one process; undefined where there is only one. */
  constructor(o: { channelName?: string; onError: (error: unknown) => void }) {
    this.#onError = o.onError
    if (o.channelName !== undefined) {
      this.#channel = new BroadcastChannel(o.channelName)
      this.#channel.unref()
      this.#channel.onmessage = (event) => this.#dispatch((event as { data: BusMessage }).data)
    }
  }

  publish(message: BusMessage): void {
    this.#dispatch(message)
    this.#channel?.postMessage(message)
  }

  on<K extends BusMessage['kind']>(kind: K, handler: BusHandler<K>): Disposable {
    let handlers = this.#handlers.get(kind)
    if (handlers === undefined) this.#handlers.set(kind, (handlers = new Set()))
    const all = handlers
    const own = handler as AnyHandler
    all.add(own)
    return { [Symbol.dispose]: () => void all.delete(own) }
  }

  [Symbol.dispose](): void {
    this.#channel?.close()
    this.#handlers.clear()
  }

  #dispatch(message: BusMessage): void {
    for (const handler of this.#handlers.get(message.kind) ?? []) {
      try {
        handler(message)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
