/**
 * Durable background work: a row that a commit adds and that leaves when the work is done.
 *
 * A task runs at least once: a crash, or a lease that ran out, runs it again, so `run` must be repeatable. A
 * task whose effect is a commit calls `done(tx)` in that commit, and then runs exactly once.
 */
import type { Db } from '#kv/db.ts'
import type { TaskName } from '#kv/task-rows.ts'
import type { WriteTx } from '#kv/tx.ts'

export interface TaskContext {
  readonly db: Db
  /** Aborted when the server stops; the task then runs again later. */
  readonly signal: AbortSignal
  /** Removes the task's row in the commit that has its effect. Throws where it is of another run by now, or gone. */
  done(tx: WriteTx): Promise<void>
}

export interface TaskKind<P> extends TaskName<P> {
  /** How long one run may take at most before another worker may begin it, milliseconds. */
  readonly leaseMs: number
  /** Waits between failed runs: `firstMs`, then doubled up to `mostMs`. */
  readonly retry: { readonly firstMs: number; readonly mostMs: number }
  run(payload: P, context: TaskContext): Promise<void>
}
