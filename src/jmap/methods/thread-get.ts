/** Thread/get (RFC 8621 §3.1). */
import type { ThreadId } from '#base/id.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { emailObjectId, objectNumber, threadObjectId } from '#mail/object-id.ts'
import { firstThreads, readThreads } from '#mail/thread.ts'
import { standardGet } from '../standard-get.ts'
import { inThreadOrder, isVisible, readableMailboxes } from '../thread-visibility.ts'
import type { JsonObject } from '../value.ts'

export const threadGet = standardGet({
  type: 'Thread',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §3.1',
  permission: 'jmapThreadGet',
  properties: ['id', 'emailIds'],
  async read({ services }, account, { ids, properties, limit }) {
    const { db, states } = services
    const prefix = account.idPrefix
    return db.read(async (tx) => {
      const state = await states.read(tx, account.id, 'Thread')
      const readable = await readableMailboxes(tx, account)
      const isSeen = (row: MessageRow): boolean => isVisible(readable, row)
      const wanted =
        ids === null
          ? await firstThreads(tx, account.id, isSeen, limit + 1)
          : ids.map((id) => objectNumber('T', id, prefix)).filter((number) => number !== undefined)
      const list: JsonObject[] = []
      for (const [thread, all] of await readThreads(tx, account.id, wanted as ThreadId[])) {
        const seen = all.filter(([, row]) => isSeen(row)).toSorted(inThreadOrder)
        if (seen.length === 0) continue
        list.push({
          id: threadObjectId(thread, prefix),
          ...(properties.has('emailIds') ? { emailIds: seen.map(([id]) => emailObjectId(id, prefix)) } : {}),
        })
      }
      return { state: account.stateOf(state), list }
    })
  },
})
