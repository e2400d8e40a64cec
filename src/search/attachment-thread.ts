/**
 * Reading attachments on a thread that can be ended: they come from strangers, and what reads them is large. One
 * that takes too long or too much memory has no text, and the next one gets a new thread.
 */
import type { MessagePort, Worker } from 'node:worker_threads'
import { type AttachmentKind, attachmentText } from './attachment-text.ts'

export interface AttachmentReader {
  /** Empty where there is no text, or none that could be read. */
  read(kind: AttachmentKind, bytes: Uint8Array): Promise<string>
}

interface Order {
  readonly kind: AttachmentKind
  readonly bytes: Uint8Array
}

const mostMs = 10_000
const idleMs = 30_000

/** What the thread runs whose role is `attachment`. */
export function serveAttachments(port: MessagePort): void {
  port.on('message', ({ kind, bytes }: Order) => {
    const answer = (text: string): void => port.postMessage(text)
    attachmentText(kind, bytes).then(answer, () => answer(''))
  })
}

export class AttachmentThread implements AttachmentReader, AsyncDisposable {
  readonly #spawn: () => Worker
  readonly #mostMs: number
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined

  /** `spawn` starts a thread of the program itself whose role is `attachment`. */
  constructor(o: { spawn: () => Worker; mostMs?: number }) {
    this.#spawn = o.spawn
    this.#mostMs = o.mostMs ?? mostMs
  }

  /** One at a time. */
  async read(kind: AttachmentKind, bytes: Uint8Array): Promise<string> {
    clearTimeout(this.#idle)
    const worker = (this.#worker ??= this.#spawn())
    const text = await ask(worker, { kind, bytes }, this.#mostMs)
    if (text === undefined) await this.#end()
    else this.#idle = setTimeout(() => void this.#end(), idleMs).unref()
    return text ?? ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle)
    await this.#end()
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }
}

/** Undefined where the thread died or took too long. */
function ask(worker: Worker, order: Order, ms: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (text: string | undefined): void => {
      clearTimeout(timer)
      for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event)
      // One that fails while it is being ended is nobody's concern.
      worker.on('error', () => undefined)
      resolve(text)
    }
    const timer = setTimeout(() => end(undefined), ms)
    worker.on('message', end)
    worker.on('error', () => end(undefined))
    worker.on('exit', () => end(undefined))
    worker.postMessage(order)
  })
}
