/**
 * What one method call may have read of blobs: however many it names, however deep they lie in others, and however
 * little of each it wants, nobody else waits for long.
 */
import { Fault } from '#base/fault.ts'
import type { JmapServices } from './services.ts'
import { jmapSettings } from './settings.ts'

/** So many of the largest files. */
const files = 4

export class ReadBudget {
  readonly #limit: number
  #left: number

  constructor({ settings }: Pick<JmapServices, 'settings'>) {
    this.#limit = files * settings.get(jmapSettings).maxUploadSize
    this.#left = this.#limit
  }

  /** Throws Fault `tooLarge`. */
  spend(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0)
      throw new Fault('tooLarge', 'That is too much to be read for one call.', { limit: this.#limit })
  }
}
