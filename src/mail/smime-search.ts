/** Which messages of an account are S/MIME, and of which the signature holds (RFC 9219 §4.2). */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { asBuffer } from '#base/bytes.ts'
import { SyntaxFault } from '#base/fault.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { smimeKind, type SmimeStatuses, type SmimeVerdict } from './smime-status.ts'
import { messageTable, structureTable } from './tables.ts'

const pageMessages = 256

export interface SmimeSearch {
  readonly db: Db
  readonly smime: SmimeStatuses
  readonly account: AccountId
  /** Of the messages in question. */
  readonly ids: Iterable<MessageId>
  readonly signal: AbortSignal
}

/** Those with any status. */
export async function findSmime({ db, account, ids, signal }: SmimeSearch): Promise<ReadonlySet<MessageId>> {
  const found = new Set<MessageId>()
  const all = [...ids]
  for (let at = 0; at < all.length; at += pageMessages) {
    if (at > 0) await nextTurn()
    signal.throwIfAborted()
    const page = all.slice(at, at + pageMessages)
    const structures = await db.read((tx) =>
      tx.getMany(
        structureTable,
        page.map((id) => [account, id] as const),
      ),
    )
    for (const [i, stored] of structures.entries())
      if (stored !== undefined && isSmime(stored)) found.add(page[i]!)
  }
  return found
}

/** Most messages have none of these words, and their parts need not be looked at. */
const words = ['signed', 'SIGNED', 'Signed', 'pkcs7', 'PKCS7', 'Pkcs7']

function isSmime(stored: Uint8Array): boolean {
  const bytes = asBuffer(stored)
  if (!words.some((word) => bytes.includes(word))) return false
  try {
    return smimeKind(new StoredStructure(stored).parts()).kind !== 'none'
  } catch (error) {
    if (error instanceof SyntaxFault) return false
    throw error
  }
}

/** Of these, as `findSmime` found them, those whose verdict meets the test. */
export async function whereVerdict(
  { db, smime, account, signal }: Omit<SmimeSearch, 'ids'>,
  ids: ReadonlySet<MessageId>,
  test: (verdict: SmimeVerdict) => boolean,
): Promise<ReadonlySet<MessageId>> {
  const met = new Set<MessageId>()
  for (const id of ids) {
    signal.throwIfAborted()
    const { row, stored } = await db.read(async (tx) => ({
      row: await tx.get(messageTable, account, id),
      stored: await tx.get(structureTable, account, id),
    }))
    if (row === undefined || stored === undefined) continue
    const message = { id, row, structure: new StoredStructure(stored) }
    const [verdict] = await smime.of(account, [message])
    if (test(verdict!)) met.add(id)
  }
  return met
}
