/**
 * The groups that users were in when they looked at accounts of others. Rights follow from groups, and accounts have
 * no history; so it is noted, by the one who looks and with one row, who they were: with it, what they saw then can
 * be told apart from what they see now, without a word to anybody when a group with thousands of members changes.
 *
 * What must always hold: noted before the user is told anything that comes with the rights of these groups.
 */
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { json } from '#kv/codec.ts'
import type { Db } from '#kv/db.ts'
import { accountTable } from '#kv/table.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Identity } from './rights.ts'
import { countersTable } from './tables.ts'

type Groups = readonly AccountId[]

/** The one that was taken up last comes last; each ascending, and each once. */
export const pastGroupsTable = accountTable({
  name: 'past-groups',
  letter: 'g',
  key: [],
  value: json<readonly Groups[]>(),
})

/** So often somebody may come into a group or leave one, and what was seen before is still known. */
const kept = 32
/** Of all of them together. */
const keptGroups = 4096

/** All that are known, and to be in no group at all, which is not noted. */
export const pastGroups = async (tx: ReadTx, account: AccountId): Promise<readonly Groups[]> => [
  [],
  ...((await tx.get(pastGroupsTable, account)) ?? []),
]

/** Where it cannot be written, what is seen now will not be known later, and there is nothing else to it. */
export async function noteGroups(db: Db, { account, groups }: Identity): Promise<void> {
  if (groups.length === 0) return
  const now = groups.toSorted((a, b) => a - b)
  const isNow = (one: Groups | undefined): boolean => one?.join() === now.join()
  const known = await db.read((tx) => tx.get(pastGroupsTable, account))
  if (isNow(known?.at(-1))) return
  try {
    await db.write([account], async (tx) => {
      // Of an account that is gone nothing is noted any more.
      if ((await tx.get(countersTable, account)) === undefined) return
      const before = (await tx.get(pastGroupsTable, account)) ?? []
      const all = [...before.filter((one) => !isNow(one)), now].slice(-kept)
      while (all.length > 1 && all.flat().length > keptGroups) all.shift()
      tx.put(pastGroupsTable, [account], all)
    })
  } catch (error) {
    if (!isFault(error)) throw error
  }
}
