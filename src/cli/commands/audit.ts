/** `postern audit`: who changed what, newest first. */
import type { Command } from 'commander'
import { parseDuration } from '#base/duration.ts'
import { contextOf } from '../context.ts'
import { usageFailure } from '../failure.ts'
import { pairs, table } from '../layout.ts'
import type { ObjectClient, ShownObject } from '../object-client.ts'
import { singletonKey } from '../object-actions.ts'
import { countOption } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

interface AuditFlags {
  readonly object?: string
  readonly name?: string
  readonly actor?: string
  readonly verb?: string
  readonly since?: string
  readonly limit: number
  readonly changes?: true
}

const mostEntries = 100_000
const perPage = 500

export function addAuditCommand(program: Command, terminal: Terminal): void {
  program
    .command('audit')
    .description('who changed what, newest first')
    .option('--object <Object>', 'only changes to objects of this kind')
    .option('--name <name>', 'only changes to the one that is called so')
    .option('--actor <name>', 'only what this account did, or admin')
    .option('--verb <verb>', 'only create, update, destroy or action')
    .option('--since <time>', 'nothing older: 2h, 7d, or 2026-03-04')
    .option('--limit <count>', 'at most so many', countOption('--limit', mostEntries), 50)
    .option('--changes', 'also what was there before and after')
    .addHelpText(
      'after',
      examplesOf('audit --since 24h', 'audit --object Account --name alice@example.org --changes'),
    )
    .action(async (o: AuditFlags, command: Command) => {
      const context = contextOf(command, terminal)
      const since = o.since === undefined ? -Infinity : readSince(o.since, Date.now())
      const object = o.object === undefined ? undefined : (await context.objects.describe(o.object)).name
      const filter = { object, objectId: o.name, actor: o.actor, verb: o.verb }
      const entries = await entriesSince(context.objects, givenOf(filter), since, o.limit)
      const text =
        o.changes === true ? entries.map(changesText).join('\n') : tableText(entries, terminal.columns)
      context.show(entries, text || 'Nothing was changed.\n')
    })
}

const givenOf = (filter: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )

function readSince(given: string, nowMs: number): number {
  const age = /^\d+$/.test(given) ? undefined : parseDuration(given)
  if (age !== undefined) return nowMs - age
  const at = /^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : NaN
  if (Number.isNaN(at))
    throw usageFailure(`"${given}" is no time`, 'such as 2h, 7d, 2026-03-04 or 2026-03-04T05:06:07Z')
  return at
}

async function entriesSince(
  objects: ObjectClient,
  filter: Readonly<Record<string, string>>,
  since: number,
  limit: number,
): Promise<readonly ShownObject[]> {
  const found: ShownObject[] = []
  for (let page = 1; ; page++) {
    const { items } = await objects.page('AuditEntry', { filter, page, limit: Math.min(limit, perPage) })
    for (const one of items) {
      if (found.length === limit || Date.parse(String(one['at'])) < since) return found
      found.push(one)
    }
    if (items.length < Math.min(limit, perPage)) return found
  }
}

const textOf = (one: ShownObject, name: string): string => (typeof one[name] === 'string' ? one[name] : '')

/** What has no name is called by its id, unless there is one only, and by whose it is. */
function calledOf(one: ShownObject): string {
  const { account } = one
  const id = textOf(one, 'objectId')
  const called = textOf(one, 'name') || (id === singletonKey ? '' : id)
  return typeof account === 'number' ? `${called} of account ${account}`.trim() : called
}

const tableText = (entries: readonly ShownObject[], columns: number | undefined): string =>
  table(
    ['AT', 'WHO', 'DID', 'OBJECT', 'NAME', 'FROM'],
    entries.map((one) => [
      textOf(one, 'at').replace(/\.\d+Z$/, 'Z'),
      ...['actor', 'verb', 'object'].map((name) => textOf(one, name)),
      calledOf(one),
      textOf(one, 'ip'),
    ]),
    columns,
  )

function changesText(one: ShownObject): string {
  const [before, after] = [one['before'], one['after']].map(
    (given) => (given ?? {}) as Record<string, unknown>,
  ) as [Record<string, unknown>, Record<string, unknown>]
  const all = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  // What is created is empty in most of its fields.
  const names = all.filter((name) => before[name] !== undefined || !isEmpty(after[name]))
  const lines = names.map((name) => [name, [`${jsonOf(before[name])} -> ${jsonOf(after[name])}`]] as const)
  const words = ['at', 'actor', 'verb', 'object'].map((name) => textOf(one, name))
  const head = [...words, calledOf(one)].join('  ')
  return `${pairs([[head, []]])
    .trimEnd()
    .replace(/:$/, '')}\n${pairs(lines, '  ')}`
}

const isEmpty = (value: unknown): boolean => value === '' || (Array.isArray(value) && value.length === 0)

const jsonOf = (value: unknown): string => (value === undefined ? '(nothing)' : JSON.stringify(value))
