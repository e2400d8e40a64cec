/** `postern reload`: the server reads its configuration again, without dropping a connection. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { CliFailure, isNotFound } from '../failure.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

export function addReloadCommand(program: Command, terminal: Terminal): void {
  program
    .command('reload')
    .description('read the configuration file and certificates again; connections stay')
    .addHelpText('after', examplesOf('reload', 'reload --json'))
    .action(async (_o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const data = await context.api.ask('POST', '/api/reload').catch((error: unknown) => {
        if (isNotFound(error))
          throw new CliFailure('this server cannot read its configuration again; restart it')
        throw error
      })
      const warnings = warningsIn(data)
      for (const warning of warnings) context.note(`warning: ${warning}`)
      context.show(data ?? null, `${printable('The configuration was read again.')}\n`)
    })
}

function warningsIn(data: unknown): readonly string[] {
  const { warnings } = (data ?? {}) as { warnings?: unknown }
  return Array.isArray(warnings) ? warnings.filter((one): one is string => typeof one === 'string') : []
}
