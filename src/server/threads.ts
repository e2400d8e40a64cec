/** What the process's threads are told when they begin; `main.ts` starts each by its role. */
import type { Worker } from 'node:worker_threads'
import type { CommitterData } from './committer-thread.ts'
import type { WorkerData } from './worker-thread.ts'

export interface HashData {
  readonly role: 'hash'
}

export type ThreadData = CommitterData | WorkerData | HashData

/** Starts the program's main file as a thread. Ports in the data are handed over. */
export type Spawn = (data: ThreadData) => Worker
