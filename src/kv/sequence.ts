/** The account's sequence: the number of its last change. Every commit checks and raises it, by one for each writer. */
import type { Modseq } from '#base/id.ts'
import { uint } from './codec.ts'
import { accountTable } from './table.ts'

/** The letter sorts before all others, so that it is the account's first row. */
export const sequenceTable = accountTable({ name: 'sequence', letter: '!', key: [], value: uint<Modseq>() })
