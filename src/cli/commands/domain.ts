/** `postern domain ...`: the domains that the server takes mail for. */
import type { Command } from 'commander'
import type { ShownPrincipal } from '#admin/principal-shape.ts'
import { allPrincipals, principalPath } from '../principals.ts'
import { contextOf } from '../context.ts'
import { printable, table, type Terminal } from '../terminal.ts'

type ShownDomain = Extract<ShownPrincipal, { type: 'domain' }>

export function addDomainCommands(program: Command, terminal: Terminal): void {
  const domain = program.command('domain').description('the domains that the server takes mail for')

  domain
    .command('create')
    .description('take mail for a domain')
    .argument('<name>', 'such as example.org')
    .option('--description <text>', 'for your own information')
    .addHelpText('after', '\nExample:\n  $ postern domain create example.org\n')
    .action(async (name: string, o: { description?: string }, command: Command) => {
      const context = contextOf(command, terminal)
      const created = (await context.api.ask('POST', '/api/principal', {
        type: 'domain',
        name,
        ...o,
      })) as string
      const shown = await context.api.ask('GET', principalPath(created))
      const next = `Next: postern account create you@${created}`
      context.show(shown, `The domain ${printable(created)} was created.\n${printable(next)}\n`)
    })

  domain
    .command('list')
    .description('list the domains')
    .action(async (_o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const domains = (await allPrincipals(context.api, 'domain')) as readonly ShownDomain[]
      const rows = domains.map(({ name, description }) => [name, description])
      context.show(
        domains,
        table(['DOMAIN', 'DESCRIPTION'], rows) ||
          'There are no domains yet: postern domain create example.org\n',
      )
    })
}
