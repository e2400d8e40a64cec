/** The metrics of the server: those of all workers, as one. */
import type { Db } from '#kv/db.ts'
import { taskTable } from '#kv/task-rows.ts'
import { countQueue } from '#queue/queue-search.ts'
import { mergeSnapshots } from '#observe/meter.ts'
import { prometheusContentType, writePrometheus } from '#observe/prometheus.ts'
import type { ServerTelemetry } from '#observe/telemetry.ts'
import { deliverChunkName } from '#smtp/server/chunk.ts'
import type { WorkerThread } from './worker-thread.ts'

/** Of a worker that is too busy to answer in this time there are the numbers that it gave before. */
const answerMs = 1000

export async function composeMetrics(
  telemetry: ServerTelemetry,
  threads: readonly WorkerThread[],
): Promise<{ text: string; contentType: string }> {
  const snapshots = await Promise.all([
    telemetry.snapshot(),
    ...threads.map((thread) => thread.snapshot(answerMs)),
  ])
  const merged = mergeSnapshots(snapshots.filter((snapshot) => snapshot !== undefined))
  return { text: writePrometheus(merged), contentType: prometheusContentType }
}

/** Messages that were accepted and are not with all of their recipients yet. */
export async function countWaiting(db: Db): Promise<number> {
  const tasks = await db.read((tx) => tx.list(taskTable, []))
  const chunks = tasks.filter(([, { task }]) => task === deliverChunkName.name).length
  return chunks + (await countQueue(db))
}
