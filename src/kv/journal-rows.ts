/** The row that says up to which group of the journal the engine has everything. */
import { uint } from './codec.ts'
import { globalTable } from './table.ts'

export const appliedTable = globalTable({ name: 'journal-applied', letter: 'j', key: [], value: uint() })
