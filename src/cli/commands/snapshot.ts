/** `postern snapshot`: what a server is told to be, as a plan for `postern apply` that can live in git. */
import type { Command } from 'commander'
import { rename, rm, writeFile } from 'node:fs/promises'
import { contextOf } from '../context.ts'
import { CliFailure, messageOf } from '../failure.ts'
import { counted, page, usualColumns } from '../layout.ts'
import { type Snapshot, snapshotText, takeSnapshot } from '../plan/snapshot.ts'
import type { Terminal } from '../terminal.ts'

const help = `
Domains, roles, accounts, groups, lists and settings that are kept in the store; no passwords, no mail. Two
snapshots of the same state are the same bytes.

Examples:
  $ postern snapshot organisation.json && git diff organisation.json
  $ postern snapshot | jq '.Account[].name'
`

export function addSnapshotCommand(program: Command, terminal: Terminal): void {
  program
    .command('snapshot')
    .description('write what a server is told to be as a plan for apply')
    .argument('[file]', 'where to; standard output where it is not said')
    .addHelpText('after', () => page(help, terminal.columns ?? usualColumns))
    .action(async (file: string | undefined, _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const snapshot = await takeSnapshot(context.objects, (kind) => terminal.progress(`reading ${kind}`))
      terminal.progress('')
      const text = snapshotText(snapshot)
      if (file === undefined || file === '-') return terminal.out(text)
      await write(file, text)
      const objects = countOf(snapshot)
      context.show({ file, objects }, `${counted(objects, 'object')} in ${file}\n`)
    })
}

const countOf = ({ kinds }: Snapshot): number =>
  kinds.reduce((sum, [, some]) => sum + (Array.isArray(some) ? some.length : 1), 0)

/** Whole or not at all. */
async function write(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.new`
  try {
    await writeFile(draft, text, { flush: true })
    await rename(draft, file)
  } catch (error) {
    // Where it could not be made it cannot be removed.
    await rm(draft, { force: true }).catch(() => undefined)
    throw new CliFailure(messageOf(Object.assign(error as Error, { path: file })))
  }
}
