/**
 * A message by its identifier, found without a search: the keys of threads lead to it, which are made of identifier
 * and base subject, so both must be known.
 */
import { SyntaxFault } from '#base/fault.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { readableMailboxes } from './client-blob.ts'
import type { Identity } from './rights.ts'
import { messageTable, structureTable, threadKeyTable } from './tables.ts'
import { keyNames, threadKeys, threadMessages } from './thread.ts'

/** The only message that is called so and that somebody may read; undefined where there is none, or several. */
export async function findIdentified(
  tx: ReadTx,
  account: AccountId,
  who: Identity,
  o: { /** Without brackets. */ readonly messageId: string; readonly baseSubject: string },
): Promise<MessageId | undefined> {
  const [name] = keyNames(
    threadKeys({ messageIds: [o.messageId], inReplyTo: [], references: [], baseSubject: o.baseSubject }),
  )
  const thread = name === undefined ? undefined : await tx.get(threadKeyTable, account, name)
  if (thread === undefined) return undefined
  const ids = await threadMessages(tx, account, thread)
  const structures = await tx.getMany(
    structureTable,
    ids.map((id) => [account, id] as const),
  )
  const called = ids.filter((_id, i) => isCalled(structures[i], o.messageId))
  const [id] = called
  const row = called.length === 1 ? await tx.get(messageTable, account, id!) : undefined
  return row !== undefined && (await readableMailboxes(tx, account, who, row)).length > 0 ? id : undefined
}

function isCalled(structure: Uint8Array | undefined, messageId: string): boolean {
  try {
    return structure !== undefined && new StoredStructure(structure).messageId === messageId
  } catch (error) {
    if (error instanceof SyntaxFault) return false
    throw error
  }
}
