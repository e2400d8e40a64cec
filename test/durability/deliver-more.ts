/** Puts a few more messages into every account of a store, as a server does that goes on after a crash. */
import { accountRowTable } from '#account/tables.ts'
import { ingest } from '#mail/ingest.ts'
import { noLimits } from '#mail/limits.ts'
import { inboxId } from '#mail/mailbox.ts'
import { prepareMessage } from '#mail/prepare.ts'
import { parseStructure } from '#message/mime.ts'
import type { Store } from '#server/store/store.ts'
import { messageOf } from './messages.ts'

export async function deliverMore(store: Store, run: string): Promise<void> {
  const rows = await store.db.read((tx) => tx.list(accountRowTable, []))
  for (const [[account]] of rows) {
    for (let i = 0; i < 3; i++) {
      const bytes = messageOf(`${run}a${account}m${i}`)
      const stager = store.blobs.stager({ maxBytes: 1e6 })
      await stager.write(bytes)
      const staged = await stager.finish()
      const structure = parseStructure(bytes)
      const message = prepareMessage({ staged, structure, prefix: new Uint8Array(0), receivedAt: 0 })
      await store.db.write([account], (tx) =>
        ingest(tx, account, message, { mailbox: inboxId, keywords: [], savedAt: 0, limits: noLimits }),
      )
    }
  }
}
