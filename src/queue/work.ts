/** What the manager asks of those who do the work: `server/background/queue.ts` brings them together. */
import type { Db } from '#kv/db.ts'
import { type DueRecipient, readDue } from './due.ts'
import type { Piece } from './line.ts'
import type { QueuedMessage, QueueId } from './tables.ts'
import type { Destination, RecipientResult } from './transport.ts'

/** One piece of work: recipients of one message that go to one destination, or that are to be reported. */
export interface Work {
  readonly id: QueueId
  readonly message: QueuedMessage
  readonly recipients: readonly DueRecipient[]
  readonly destination: Destination
}

/** Hears that nothing goes to the destination any more, and what was said where nobody could be reached. */
export type Left = (unreachable: RecipientResult | undefined) => void

export interface QueueWork {
  /** Where a recipient goes now. */
  destinationOf(address: string): Promise<Destination>
  /**
   * Makes the attempt and writes down its results; returns when the first of the recipients is due again.
   * `left` may be called before they are written, so that the destination need not wait for our disk.
   */
  attempt(work: Work, o: { readonly signal: AbortSignal; readonly left: Left }): Promise<number | undefined>
  /** Puts the notification that these wait for into the queue, and returns it. */
  notify(work: Omit<Work, 'destination'>): Promise<{ nextAt: number | undefined; notification: QueueId }>
}

/** Stands for the sender, who is to be told: a notification is put into the queue. */
export const toSender: Destination = { key: '', route: { kind: 'local' } }

/**
 * A piece as it is after it has waited: what is due no more, or goes elsewhere by now, is left out. `nextAt`: when
 * any of that is due.
 */
export async function readWork(
  db: Db,
  { id, numbers, key, queue }: Piece,
  { now, work }: { readonly now: number; readonly work: Pick<QueueWork, 'destinationOf'> },
): Promise<{ readonly work?: Work; readonly nextAt: number | undefined }> {
  const found = await db.read((tx) => readDue(tx, id, now, numbers))
  if (found === undefined) return { nextAt: undefined }
  let { nextAt } = found
  let destination: Destination | undefined
  const recipients: DueRecipient[] = []
  for (const one of found.recipients) {
    const { report, address } = one.row
    const itsOwn = report === undefined ? await work.destinationOf(address) : toSender
    if (itsOwn.key === key && one.row.queue === queue) {
      destination = itsOwn
      recipients.push(one)
    } else nextAt = now
  }
  if (destination === undefined) return { nextAt }
  return { work: { id, message: found.message, recipients, destination }, nextAt }
}
