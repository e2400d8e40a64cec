/**
 * A message to many recipients, after it was accepted: each task delivers it to a chunk of them. The chunk
 * owns a link to the message's bytes until its commit, which delivers, gives the link up and removes the
 * task, so a chunk is delivered exactly once whatever happens in between.
 *
 * The sender has its 250, so a full mailbox does not count any more.
 */
import { asBuffer } from '#base/bytes.ts'
import type { Fault } from '#base/fault.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import type { TaskName } from '#kv/task-rows.ts'
import { applyDelivery, planDeliveries } from '#mail/deliver.ts'
import { noLimits } from '#mail/limits.ts'
import type { TaskContext, TaskKind } from '#tasks/kind.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { recipientGone } from '../events.ts'
import { Intake, type StagedMessage } from './intake.ts'
import { prefixOf, type Trace } from './trace.ts'
import { withAddedFields } from '#message/added-fields.ts'

export interface ChunkPayload {
  readonly blob: BlobHash
  /** Below 2^48: names the chunk's link. */
  readonly owner: number
  readonly envelopeFrom: string
  readonly receivedAt: number
  readonly trace: Trace
  readonly isJunk?: boolean
  readonly recipients: readonly { readonly account: AccountId; readonly address: string }[]
}

export const deliverChunkName: TaskName<ChunkPayload> = { name: 'smtp.deliver-chunk' }

/** The owner of what belongs to no account. */
export const serverAccount = 0 as AccountId

export interface ChunkDeps {
  readonly blobs: Pick<BlobStore, 'read' | 'stager'>
  readonly telemetry: Telemetry
}

export const deliverChunkTask = (deps: ChunkDeps): TaskKind<ChunkPayload> => ({
  ...deliverChunkName,
  leaseMs: 10 * 60_000,
  retry: { firstMs: 1000, mostMs: 10 * 60_000 },
  run: (payload, context) => deliverChunk(deps, payload, context),
})

/** Throws a Fault where a recipient cannot be served now; then nothing was written and the task runs again. */
async function deliverChunk(deps: ChunkDeps, payload: ChunkPayload, context: TaskContext): Promise<void> {
  const intake = new Intake(deps.blobs.stager({ maxBytes: Number.MAX_SAFE_INTEGER }), Number.MAX_SAFE_INTEGER)
  try {
    const { staged, structure } = await readAgain(deps, payload, intake)
    const plans = await planDeliveries(
      {
        staged,
        structure: withAddedFields(payload.trace.added, structure),
        envelopeFrom: payload.envelopeFrom,
        receivedAt: payload.receivedAt,
        isJunk: payload.isJunk === true,
        prefixFor: (address) => prefixOf(payload.trace, address),
      },
      payload.recipients.map(({ account, address }) => ({ id: account, address, limits: noLimits })),
    )
    const accounts = [...new Set(payload.recipients.map((recipient) => recipient.account))]
    const gone = await context.db.write(accounts, async (tx) => {
      const refused: { address: string; fault: Fault }[] = []
      for (const plan of plans) {
        const outcome = await applyDelivery(tx, plan)
        if (outcome.kind === 'delivered') continue
        if (outcome.kind === 'overQuota') throw new Error('no quota was given')
        if (!outcome.fault.lasting) throw outcome.fault
        refused.push({ address: plan.recipient.address, fault: outcome.fault })
      }
      tx.unlink(payload.blob, { account: serverAccount, kind: ownerKinds.queue, id: payload.owner })
      await context.done(tx)
      return refused
    })
    for (const { address, fault } of gone) {
      deps.telemetry.emit(recipientGone, { from: payload.envelopeFrom, to: address, reason: fault.message })
    }
  } finally {
    await intake.abort()
  }
}

/** The stored bytes, staged and parsed once more: attaching them again makes a link, not a copy. */
async function readAgain(deps: ChunkDeps, payload: ChunkPayload, intake: Intake): Promise<StagedMessage> {
  for await (const piece of deps.blobs.read(payload.blob)) await intake.write(asBuffer(piece))
  return intake.finish()
}
