/** `postern reload`: the server reads its configuration again, without dropping a connection. */
import type { Command } from 'commander'
import type { Reloaded } from '#admin/server-routes.ts'
import { contextOf } from '../context.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

export function addReloadCommand(program: Command, terminal: Terminal): void {
  program
    .command('reload')
    .description('read the configuration file and certificates again; connections stay')
    .addHelpText('after', examplesOf('reload', 'reload --json'))
    .action(async (_o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const done = await context.api.ask('POST', '/api/reload')
      for (const warning of textsIn(done, 'warnings')) context.note(`warning: ${warning}`)
      context.show(done ?? null, describe(done))
    })
}

function describe(done: unknown): string {
  const changed = textsIn(done, 'changed')
  const what = changed.length === 0 ? 'nothing had changed' : `${changed.join(', ')} changed`
  const later = textsIn(done, 'restart').map((field) => `${field} takes effect at the next start.`)
  return [`The configuration was read again: ${what}.`, ...later]
    .map((line) => `${printable(line)}\n`)
    .join('')
}

/** `Reloaded` of the API, from a server that may be another. */
function textsIn(data: unknown, name: keyof Reloaded): readonly string[] {
  const given = ((data ?? {}) as Partial<Record<string, unknown>>)[name]
  return Array.isArray(given) ? given.filter((one): one is string => typeof one === 'string') : []
}
