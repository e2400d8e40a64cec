/**
 * The order of writes and syncs that every promise stands on, looked for in a recording: the journal's sync
 * before an answer, the segments' before the engine's commit, the engine's before the journal is used again.
 */
import { basename, dirname } from 'node:path'
import { Disk } from './disk.ts'
import type { RecordedRun } from './recorded-run.ts'
import type { TraceEvent } from './recording.ts'

const isJournal = (path: string): boolean => basename(dirname(path)) === 'journal'
const isSegment = (path: string): boolean => path.endsWith('.seg')

/** Where the engine's transaction becomes final: LMDB's meta page, SQLite's log. */
const isEngineCommit = (event: TraceEvent): boolean =>
  (event.kind === 'write' && event.isSynced && event.path.endsWith('rows.lmdb')) ||
  (event.kind === 'sync' && event.path.endsWith('rows.sqlite-wal'))

/** Sentences about everything that happened too early. */
export function brokenOrders(run: RecordedRun): readonly string[] {
  return [...answersBeforeSync(run), ...checkpointsInDisorder(run)]
}

function answersBeforeSync({ events, accounts, answeredAt }: RecordedRun): readonly string[] {
  const syncedAt = journalSyncs(events)
  const wrong: string[] = []
  for (const { name, steps } of accounts) {
    for (const { action, token } of steps) {
      if (token === undefined || (action.kind !== 'deliver' && action.kind !== 'append')) continue
      const answered = answeredAt.get(token)
      if (answered === undefined) continue
      const synced = syncedAt.get(action.key)
      if (synced === undefined) wrong.push(`${name}: ${action.key} was answered and is in no synced journal`)
      else if (synced > answered)
        wrong.push(`${name}: ${action.key} was answered at ${answered} and synced at ${synced}`)
    }
  }
  return wrong
}

/** When the journal that has a message was first synced, by the message's key. */
function journalSyncs(events: readonly TraceEvent[]): ReadonlyMap<string, number> {
  const syncedAt = new Map<string, number>()
  let waiting: { key: string; path: string; at: number }[] = []
  for (const event of events) {
    if (event.kind === 'write' && isJournal(event.path)) {
      const { path, at } = event
      for (const [, key] of event.data.toString('latin1').matchAll(/<(r0\w+)@sender\.example>/g))
        waiting.push({ key: key!, path, at })
    } else if (event.kind === 'sync' && isJournal(event.path)) {
      const { path, since } = event
      const isDone = (one: { path: string; at: number }): boolean => one.path === path && one.at < since
      for (const one of waiting) if (isDone(one) && !syncedAt.has(one.key)) syncedAt.set(one.key, event.at)
      waiting = waiting.filter((one) => !isDone(one))
    }
  }
  return syncedAt
}

function checkpointsInDisorder({ events, directory }: RecordedRun): readonly string[] {
  const wrong: string[] = []
  const disk = new Disk(directory)
  const appendedAt = new Map<string, number>()
  let committedAt = -1
  let commits = 0
  for (const event of events) {
    const { at } = event
    if (isEngineCommit(event)) {
      committedAt = at
      commits++
      for (const path of disk.paths())
        if (isSegment(path) && disk.isDirty(path))
          wrong.push(`the engine's commit at ${at} is before the sync of ${path}`)
    }
    if (event.kind === 'write' && isJournal(event.path)) {
      appendedAt.set(event.path, at)
    } else if ((event.kind === 'rename' || event.kind === 'unlink') && isJournal(event.path)) {
      if ((appendedAt.get(event.path) ?? -1) > committedAt)
        wrong.push(`${event.path} was released at ${at}, before the engine's commit`)
      appendedAt.delete(event.path)
    }
    disk.apply(event)
  }
  if (commits === 0) wrong.push('the engine never committed')
  return wrong
}
