/** The thread that writes a store, for commands that open one themselves. */
import { Worker } from 'node:worker_threads'
import type { CommitterData } from '#server/threads.ts'

/** The server's main file has it, as source or as the bundle beside this one. */
export function spawnCommitter(data: CommitterData): Worker {
  const isSource = import.meta.url.endsWith('.ts')
  const main = isSource ? '../server/main.ts' : './server.js'
  return new Worker(new URL(main, import.meta.url), { workerData: data })
}
