/**
 * A real embedded store in a temporary directory, with its committer thread, for tests.
 */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Bus } from '#bus/bus.ts'
import { LocalBus } from '#bus/engines/local.ts'
import type { Recovered } from '#kv/committer.ts'
import type { CommitterData } from '#server/threads.ts'
import { type EmbeddedEngine, chooseEngine } from '#server/store/engine-choice.ts'
import { CommitterThread, type Store, openStore } from '#server/store/store.ts'

export interface TestStore extends Store {
  readonly directory: string
  readonly bus: Bus
  readonly recovered: Recovered
  /** Another worker's handles to the same store. */
  another(): Store
}

export const spawnCommitter = (data: CommitterData): Worker =>
  new Worker(new URL('../../src/server/main.ts', import.meta.url), { workerData: data })

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'postern-test-'))

/** `directory` is kept where it is given, else made and removed. */
export async function openTestStore(
  engine: EmbeddedEngine,
  o: { directory?: string; reserveBytes?: number } = {},
): Promise<TestStore> {
  const directory = o.directory ?? temporaryDirectory()
  const chosen = chooseEngine(directory, engine)
  const committer = await CommitterThread.open(
    { directory, engine: chosen, reserveBytes: o.reserveBytes ?? 0 },
    spawnCommitter({ role: 'committer' }),
  )
  const bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  const open = (): Store =>
    openStore({ directory, engine: chosen, line: committer.line(), bus, codec: 'none' })
  const others: Store[] = []
  const store = open()
  return {
    ...store,
    directory,
    bus,
    recovered: committer.recovered,
    another() {
      const other = open()
      others.push(other)
      return other
    },
    async [Symbol.asyncDispose]() {
      for (const other of others) await other[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await committer.end()
      if (o.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  }
}
