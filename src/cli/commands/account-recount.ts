/** `postern account recount`: has the server count anew what accounts hold. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

export function addRecountCommand(account: Command, terminal: Terminal): void {
  account
    .command('recount')
    .description('count anew what an account holds, or what all do')
    .argument('[address]', 'its name, or its id; without it all accounts')
    .addHelpText('after', examplesOf('account recount alice@example.org', 'account recount'))
    .action(async (name: string | undefined, _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const which = name === undefined ? '' : `?account=${encodeURIComponent(name)}`
      const done = await context.api.ask('POST', `/api/quota/recount${which}`)
      const whose = name === undefined ? 'all accounts' : printable(name)
      context.show(
        done ?? null,
        `What ${whose} hold${name === undefined ? '' : 's'} is being counted; the log tells what was found.\n`,
      )
    })
}
