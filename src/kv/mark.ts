/**
 * Marks: for decisions that follow from how many rows there are, or that there is none, where all rows are of no
 * account. No row that a commit could check says so; a mark does, since whoever adds such rows makes another one.
 *
 * Who only adds is in nobody's way; who also has looked runs into all who added meanwhile.
 */
import { randomBytes } from 'node:crypto'
import { rawBytes } from './codec.ts'
import { text } from './key.ts'
import { globalTable } from './table.ts'
import type { WriteTx } from './tx.ts'

/** By the name of what is counted or looked for. */
const markTable = globalTable({ name: 'mark', letter: 'Q', key: [text()], value: rawBytes })

const markBytes = 8

/** Before looking: a mark that is made between now and the commit is a conflict. */
export async function lookByMark(tx: WriteTx, name: string): Promise<void> {
  await tx.get(markTable, name)
}

/** In a commit that adds a row. */
export const putMark = (tx: WriteTx, name: string): void => tx.put(markTable, [name], randomBytes(markBytes))

/** With that of which there can be no more rows. */
export const dropMark = (tx: WriteTx, name: string): void => tx.delete(markTable, [name])
