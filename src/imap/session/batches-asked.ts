/** Which batches a client has been told of one selected mailbox, so that it does not ask again for nothing. */
import type { Numbered } from '../wire/sequence-set.ts'

/** Of requests that are remembered; a client that asks for more different ones may repeat itself. */
const most = 1000

export class BatchesAsked {
  readonly #asked = new Map<string, { readonly count: number; readonly lastUid: number }>()

  /** RFC 10022 §3.1.1: a second time only when half as many messages as a batch has have come or gone. */
  mayAsk(request: string, size: number, view: Numbered): boolean {
    const before = this.#asked.get(request)
    if (before !== undefined) {
      const kept = view.lowerBound(before.lastUid + 1)
      if (before.count - kept <= size / 2 && view.count - kept <= size / 2) return false
    } else if (this.#asked.size >= most) this.#asked.clear()
    const lastUid = view.count === 0 ? 0 : view.uidAt(view.count - 1)
    this.#asked.set(request, { count: view.count, lastUid })
    return true
  }
}
