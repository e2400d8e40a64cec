/** What an administrator's change makes of the row of one recipient. Pure but for the time, which is given. */
import { invalidProperties } from '#base/fault.ts'
import { originalOf } from '#message/unitext.ts'
import type { Values } from '#settings/values.ts'
import { wantsNotice } from './record.ts'
import type { QueuedMessage, QueuedRecipient } from './tables.ts'

export interface QueueEdit {
  readonly to?: readonly string[]
  /** When it is tried next; 0: now. */
  readonly at?: number
  readonly expiresAt?: number
  readonly only?: readonly string[]
  readonly bounce: boolean
}

/** Throws Fault `invalid` for changes that contradict each other or say nothing. */
export function readEdit(patch: Values): QueueEdit {
  const { to, nextAttemptAt, expiresAt, retry, only, bounce } = patch as {
    to?: readonly string[]
    nextAttemptAt?: string
    expiresAt?: string
    retry?: boolean
    only?: readonly string[]
    bounce?: boolean
  }
  for (const name of ['nextAttemptAt', 'expiresAt'])
    if (name in patch && patch[name] === undefined)
      throw invalidProperties([{ property: name, problem: 'must be a time' }])
  if (retry === true && nextAttemptAt !== undefined)
    throw invalidProperties([{ property: 'retry', problem: 'must not be given together with nextAttemptAt' }])
  const at = retry === true ? 0 : nextAttemptAt === undefined ? undefined : Date.parse(nextAttemptAt)
  return {
    ...(to === undefined ? {} : { to }),
    ...(at === undefined ? {} : { at }),
    ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }),
    ...(only === undefined ? {} : { only }),
    bounce: bounce === true,
  }
}

/** Nothing is tried any more: only its sender is told. */
export const isOver = ({ report }: QueuedRecipient): boolean => report !== undefined && report !== 'delayed'

/** With other times; undefined where nothing changes, as for what is only to be reported. */
export function rescheduled(
  before: QueuedRecipient,
  { at, expiresAt }: QueueEdit,
  now: number,
): QueuedRecipient | undefined {
  if (at === undefined && expiresAt === undefined) return undefined
  if (before.report !== undefined && before.report !== 'delayed') return undefined
  const next = at === undefined ? undefined : Math.max(at, now)
  const after = expiresAt === undefined ? before : { ...before, expiresAt }
  if (next === undefined) return after
  // The notice of the delay comes first, and what follows it is hurried.
  return before.report === 'delayed' ? { ...after, retryAt: next } : { ...after, dueAt: next }
}

/** To somebody else from now on, as if it had never been tried. RFC 3461 §4.2: who was meant first stays known. */
export function movedTo(
  before: QueuedRecipient,
  address: string,
  queue: string,
  now: number,
): QueuedRecipient {
  const { status: _status, report: _report, retryAt: _retryAt, ...rest } = before
  return {
    ...rest,
    originalRecipient: before.originalRecipient ?? originalOf(before.address),
    address,
    queue,
    dueAt: now,
    attempts: 0,
  }
}

/** To be told to the sender, who wants to hear of failures; undefined otherwise. */
export function cancelled(
  message: QueuedMessage,
  before: QueuedRecipient,
  now: number,
): QueuedRecipient | undefined {
  if (message.from === '' || !wantsNotice(before, 'failure')) return undefined
  const said = 'whoever runs the server took the message out of its queue'
  const { retryAt: _, ...rest } = before
  return {
    ...rest,
    report: 'failed',
    status: '5.0.0',
    dueAt: now,
    history: [...before.history.slice(1 - maxHistory), { at: now, elapsedMs: 0, step: 'queue', said }],
  }
}

const maxHistory = 10
