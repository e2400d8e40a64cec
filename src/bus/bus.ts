/**
 * Hints between sessions, workers and machines: "look again". May be lost, repeated or late; the receiver
 * compares with the change log, so that losing one delays an update and never loses it.
 */
import type { AccountId, DataType, Modseq } from '#base/id.ts'

export type BusMessage =
  | {
      readonly kind: 'state'
      readonly account: AccountId
      readonly modseq: Modseq
      readonly types: readonly DataType[]
      readonly origin?: string
    }
  /** The account's search index is to be looked after. */
  | { readonly kind: 'index'; readonly account: AccountId }
  | { readonly kind: 'settings'; readonly object: string; readonly id: string }
  | { readonly kind: 'forget'; readonly cache: string; readonly key: string }
  /** A task that is due now was committed. */
  | { readonly kind: 'task' }
  /** Mail was put into the queue: this message of it, where it is named. */
  | { readonly kind: 'queue'; readonly message?: number }

export type BusHandler<K extends BusMessage['kind']> = (message: Extract<BusMessage, { kind: K }>) => void

export interface Bus {
  /** Handlers of this worker run before the call returns; others hear of it soon, or not at all. */
  publish(message: BusMessage): void
  on<K extends BusMessage['kind']>(kind: K, handler: BusHandler<K>): Disposable
}
