/** The rows of durable tasks, ordered by when they are due. `tasks/` runs them; a commit only adds one. */
import { json } from './codec.ts'
import { hex, u48 } from './key.ts'
import { globalTable } from './table.ts'

/** Structural, so that the storage layer does not know any task. */
export interface TaskName<P> {
  readonly name: string
  /** Never present: carries the payload's type. */
  readonly payload?: P
}

export interface TaskRow {
  readonly task: string
  readonly payload: unknown
  readonly attempts: number
  /** Milliseconds; until then another worker may be running it. */
  readonly leasedUntil: number
}

export const taskRow = <P>(task: TaskName<P>, payload: P): TaskRow => ({
  task: task.name,
  payload,
  attempts: 0,
  leasedUntil: 0,
})

export const taskTable = globalTable({
  name: 'task',
  letter: 't',
  key: [u48(), hex(8)],
  value: json<TaskRow>(),
})
