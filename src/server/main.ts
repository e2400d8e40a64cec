/** The program's entry, for the process and for each of its threads. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { serveHashing } from '#account/hash-pool.ts'
import { runCommitter } from './committer-thread.ts'
import { runProcess } from './process.ts'
import type { Spawn, ThreadData } from './threads.ts'
import { runWorker } from './worker-thread.ts'

// The program as it was started, source or bundle: a thread is the same file with a role.
const spawn: Spawn = (data) =>
  new Worker(new URL(import.meta.url), {
    workerData: data,
    transferList: data.role === 'worker' ? [data.line.port] : [],
  })

function runThread(data: ThreadData): void | Promise<void> {
  switch (data.role) {
    case 'committer':
      return runCommitter(data)
    case 'hash':
      return serveHashing(parentPort!)
    case 'worker':
      return runWorker(data, spawn)
  }
}

if (isMainThread) await runProcess(process.argv.slice(2), import.meta.url, spawn)
else await runThread(workerData as ThreadData)
