/**
 * The check of a store asks who owns message bytes: a chunk of recipients that is still to be delivered does
 * (`chunk.ts`), and nothing but the row of its task says so. That row is read as bytes, since it may be damaged.
 */
import type { Link, OwnerCheck } from '#blob/check.ts'
import { anyRowTable, openRow } from '#kv/check.ts'
import { taskTable } from '#kv/task-rows.ts'
import type { ReadTx } from '#kv/tx.ts'
import { type ChunkPayload, deliverChunkName, serverAccount } from './chunk.ts'

const pageSize = 500

/** Says which of the links belong to a chunk that has this blob. */
export const chunkHoldsBlob: OwnerCheck = async (tx, links: readonly Link[]) => {
  const wanted = new Set(links.map(({ owner }) => owner.id))
  const found = new Set<string>()
  for await (const { owner, blob } of chunks(tx)) if (wanted.has(owner)) found.add(`${owner} ${blob}`)
  return links.map(({ hash, owner }) => owner.account === serverAccount && found.has(`${owner.id} ${hash}`))
}

async function* chunks(tx: ReadTx): AsyncGenerator<ChunkPayload> {
  let after: readonly [Uint8Array] | undefined
  for (;;) {
    const from = after === undefined ? {} : { after }
    const page = await tx.list(anyRowTable, [taskTable.prefix()], { limit: pageSize, ...from })
    for (const [[key], value] of page) {
      const row = openRow(taskTable, [key, value])?.value
      if (row?.task === deliverChunkName.name) yield row.payload as ChunkPayload
    }
    if (page.length < pageSize) return
    after = page.at(-1)![0]
  }
}
