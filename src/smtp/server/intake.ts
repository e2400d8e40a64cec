/**
 * A message on its way in: every piece goes to staging and to the MIME parser at once, so nothing is read
 * twice and nothing is kept whole. Where somebody looks at it on its way, its header is held until it is complete. After a failure (too large, disk full) further pieces cost nothing: the
 * client sends to the end before it reads the reply, so all of it has to be taken in.
 */
import { isAscii } from 'node:buffer'
import { Fault, isFault } from '#base/fault.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Stager } from '#blob/store.ts'
import type { Staged } from '#kv/backend.ts'
import { StructureParser } from '#message/mime.ts'
import type { MessageStructure } from '#message/structure.ts'
import type { HeaderGate } from './header-gate.ts'

export interface StagedMessage {
  readonly staged: Staged
  readonly structure: MessageStructure
  /** Where its first byte above 127 is; undefined: it has none. */
  readonly first8bit: number | undefined
}

export class Intake {
  readonly #stager: Stager
  readonly #maxBytes: number
  readonly #parser = new StructureParser()
  readonly #gate: HeaderGate | undefined
  /** Of all that came. */
  #sizeBytes = 0
  /** Of what is kept. */
  #keptBytes = 0
  #first8bit: number | undefined
  #failure: Fault | undefined
  #aborted: Promise<void> | undefined

  constructor(stager: Stager, maxBytes: number, gate?: HeaderGate) {
    this.#stager = stager
    this.#maxBytes = maxBytes
    this.#gate = gate
  }

  /** Of all that came, also after a failure. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get failure(): Fault | undefined {
    return this.#failure
  }

  /** The piece may be reused when this is settled. Never throws: see `failure`. */
  write(piece: Buffer): Maybe<void> {
    this.#sizeBytes += piece.length
    if (this.#failure !== undefined) return undefined
    if (this.#sizeBytes > this.#maxBytes) {
      return this.fail(new Fault('tooLarge', 'message too large', { limit: this.#maxBytes }))
    }
    try {
      const written = this.#gate === undefined ? this.#keep(piece) : this.#keepPassed(this.#gate.push(piece))
      return written instanceof Promise ? written.catch((error: unknown) => this.fail(error)) : undefined
    } catch (error) {
      return this.fail(error)
    }
  }

  #keepPassed(passed: Maybe<readonly Buffer[]>): Maybe<void> {
    return passed instanceof Promise ? passed.then((pieces) => this.#keepAll(pieces)) : this.#keepAll(passed)
  }

  #keepAll(pieces: readonly Buffer[], from = 0): Maybe<void> {
    for (let i = from; i < pieces.length; i++) {
      const written = this.#keep(pieces[i]!)
      if (written instanceof Promise) return written.then(() => this.#keepAll(pieces, i + 1))
    }
    return undefined
  }

  #keep(piece: Buffer): Maybe<void> {
    if (this.#first8bit === undefined && !isAscii(piece))
      this.#first8bit = this.#keptBytes + piece.findIndex((byte) => byte > 127)
    this.#keptBytes += piece.length
    this.#parser.push(piece)
    return this.#stager.write(piece)
  }

  /** From now on nothing is kept. What is no Fault is trouble with the disk: our own, and temporary. */
  fail(error: unknown): Promise<void> {
    this.#failure ??= isFault(error)
      ? error
      : new Fault('unavailable', 'try again later', {}, { cause: error, reason: `staging: ${String(error)}` })
    return this.abort()
  }

  /** Rejects with the failure if there was one. Not to be used afterwards. */
  async finish(): Promise<StagedMessage> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      if (this.#gate !== undefined) await this.#keepPassed(this.#gate.end())
      const structure = this.#parser.end()
      const finished = this.#stager.finish()
      const staged = finished instanceof Promise ? await finished : finished
      return { staged, structure, first8bit: this.#first8bit }
    } catch (error) {
      await this.fail(error)
      throw this.#failure!
    }
  }

  /** Removes what was staged; repeatable, never rejects. Staging files that stay behind are swept at the next start. */
  abort(): Promise<void> {
    this.#aborted ??= this.#stager.abort().catch(() => undefined)
    return this.#aborted
  }
}
