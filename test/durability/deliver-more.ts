/** Puts a few more messages into every account of a store, as a server does that goes on after a crash. */
import { accountRowTable } from '#account/tables.ts'
import { ingest } from '#mail/ingest.ts'
import { noLimits } from '#mail/limits.ts'
import { inboxId } from '#mail/mailbox.ts'
import { prepareBytes } from '#mail/test-message.ts'
import type { Store } from '#server/store/store.ts'
import { messageOf } from './messages.ts'

export async function deliverMore(store: Store, run: string): Promise<void> {
  const rows = await store.db.read((tx) => tx.list(accountRowTable, []))
  for (const [[account]] of rows) {
    for (let i = 0; i < 3; i++) {
      const bytes = messageOf(`${run}a${account}m${i}`)
      const message = await prepareBytes(store.blobs, bytes, { receivedAt: 0 })
      await store.db.write([account], (tx) =>
        ingest(tx, account, message, { mailbox: inboxId, keywords: [], savedAt: 0, limits: noLimits }),
      )
    }
  }
}
