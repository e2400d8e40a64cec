/** `postern query`: lists and searches objects of a kind. */
import type { Command } from 'commander'
import { nearest } from '#settings/nearest.ts'
import { contextOf } from '../context.ts'
import { usageFailure } from '../failure.ts'
import { listObjects, readFieldNames } from '../object-actions.ts'
import { mostPerPage, type ObjectDescription } from '../object-client.ts'
import { appended, countOption, withAccountOption } from '../options.ts'
import type { Terminal } from '../terminal.ts'

interface QueryFlags {
  readonly filter?: readonly string[]
  readonly fields?: string
  readonly page: number
  readonly limit: number
  readonly all?: true
}

const examples = `
Examples:
  $ postern query Account --filter type=user --filter text=alice
  $ postern query Account --all --fields name,usedDiskQuota
  $ postern query AuditEntry --filter object=Account --limit 20
`

export function addQueryCommand(program: Command, terminal: Terminal): void {
  withAccountOption(program.command('query'))
    .description('list and search objects of a kind')
    .argument('<Object>', 'such as Account; `postern describe` lists them')
    .option('--filter <key=value>', 'only those; may be repeated, then all must hold', appended)
    .option('--fields <names>', 'what to show of each, with commas between')
    .option('--page <number>', 'from 1', countOption('--page', 1_000_000), 1)
    .option(
      '--limit <count>',
      `how many on a page, at most ${mostPerPage}`,
      countOption('--limit', mostPerPage),
      100,
    )
    .option('--all', 'every one, however many')
    .addHelpText('after', examples)
    .action(async (name: string, o: QueryFlags & { account?: string }, command: Command) => {
      const context = contextOf(command, terminal)
      const object = await context.objects.describe(name)
      const { page, limit } = o
      await listObjects(context, object, {
        filter: readFilters(o.filter ?? [], object),
        fields: readFieldNames(o.fields, object),
        ...(o.all === true ? {} : { page: { page, limit } }),
        ...(object.ofAccount && o.account === undefined
          ? { none: 'You have none yourself. Those of somebody else: --account NAME' }
          : {}),
      })
    })
}

function readFilters(
  given: readonly string[],
  { name, filters }: ObjectDescription,
): Readonly<Record<string, string>> {
  const entries = given.map((one) => {
    const at = one.indexOf('=')
    const key = at < 0 ? one : one.slice(0, at)
    if (!Object.hasOwn(filters, key)) {
      const known = Object.keys(filters)
      const near = nearest(key, known)
      const those = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`
      throw usageFailure(`${name} has no filter ${key}`, near === undefined ? those : `did you mean ${near}?`)
    }
    if (at < 0) throw usageFailure(`--filter ${key} needs a value`, `--filter ${key}=…`)
    return [key, one.slice(at + 1)] as const
  })
  return Object.fromEntries(entries)
}
