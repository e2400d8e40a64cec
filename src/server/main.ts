/**
 * The program's entry, for the process and for each of its threads. What a role needs is loaded when the role
 * is known: a thread of the committer or of hashing has no use for protocols, and pays for what it loads.
 */
import { isMainThread, parentPort, type ResourceLimits, Worker, workerData } from 'node:worker_threads'
import type { Spawn, ThreadData } from './threads.ts'

/**
 * Room for new objects, in MiB, of threads that make much garbage and keep little: left alone it grows to
 * 48 MiB and is never given back. Workers have live objects of many sessions, and V8 knows better.
 */
const youngMb = { committer: 12, hash: 3, index: 12, attachment: 12, worker: undefined }

/** What strangers send must not take all memory. */
const limits = ({ role }: ThreadData): ResourceLimits =>
  role === 'attachment' ? { maxOldGenerationSizeMb: 192 } : {}

// The program as it was started, source or bundle: a thread is the same file with a role.
const spawn: Spawn = (data) =>
  new Worker(new URL(import.meta.url), {
    workerData: data,
    resourceLimits: { maxYoungGenerationSizeMb: youngMb[data.role], ...limits(data) },
    transferList: data.role === 'worker' ? [data.line.port, data.earlyLine.port, data.webLine] : [],
  })

async function runThread(data: ThreadData): Promise<void> {
  switch (data.role) {
    case 'committer':
      return (await import('./store/committer-thread.ts')).runCommitter()
    case 'hash':
      return (await import('#account/hash-pool.ts')).serveHashing(parentPort!)
    case 'index':
      return (await import('#mail/search/index-work.ts')).serveIndexing(parentPort!, () =>
        spawn({ role: 'attachment' }),
      )
    case 'attachment':
      return (await import('#search/attachment-thread.ts')).serveAttachments(parentPort!)
    case 'worker':
      return (await import('./worker-thread.ts')).runWorker(data, spawn)
  }
}

if (isMainThread) {
  // Comes up while this thread loads the rest of the program, which waits for it next.
  const committer = spawn({ role: 'committer' })
  committer.unref()
  const { runProcess } = await import('./process.ts')
  await runProcess(process.argv.slice(2), import.meta.url, { spawn, committer })
} else await runThread(workerData as ThreadData)
