/** The process's entry, for the server and for each of its threads. */
import { isMainThread, workerData } from 'node:worker_threads'
import { type CommitterData, runCommitter } from './committer-thread.ts'

type ThreadData = CommitterData

if (!isMainThread) {
  const data = workerData as ThreadData
  switch (data.role) {
    case 'committer':
      runCommitter(data)
      break
  }
}
