/** `postern report`: reports of other servers about mail, and those that wait to be sent to others. */
import type { Command } from 'commander'
import { type Context, contextOf } from '../context.ts'
import { isNotFound, usageFailure } from '../failure.ts'
import { counted, table } from '../layout.ts'
import type { ShownObject, Values } from '../object-client.ts'
import { countOption } from '../options.ts'
import { confirm, type Terminal } from '../terminal.ts'
import { relative } from '../time-text.ts'
import { examplesOf } from './noun.ts'
import { textIn, textsIn } from './queue-text.ts'
import { feedbackText, numberIn, reportOf, reportText } from './report-text.ts'

const mostListed = 500

/** A kind of report: which option names it, and how a list shows it. */
interface Kind {
  readonly object: string
  readonly heads: readonly string[]
  readonly row: (one: ShownObject, now: number) => readonly string[]
  readonly none: string
}

const received: Kind = {
  object: 'DmarcExternalReport',
  heads: ['ID', 'CAME', 'ABOUT', 'BY', 'MESSAGES', 'FAILED'],
  row(one, now) {
    const report = reportOf(one)
    const messages = numberIn(report, 'messages')
    return [
      one.id,
      relative(one['receivedAt'], now),
      textIn(report, 'policyDomain'),
      textIn(report, 'orgName') || textIn(one, 'from'),
      messages.toLocaleString('en'),
      (messages - numberIn(report, 'passed')).toLocaleString('en'),
    ]
  },
  none: 'No reports came in.\n',
}

const feedback: Kind = {
  object: 'ArfExternalReport',
  heads: ['ID', 'CAME', 'TYPE', 'ABOUT', 'FROM ADDRESS', 'BY'],
  row(one, now) {
    const report = reportOf(one)
    return [
      one.id,
      relative(one['receivedAt'], now),
      textIn(report, 'feedbackType'),
      textsIn(report, 'reportedDomains').join(' ') || textIn(report, 'dkimDomain'),
      textIn(report, 'sourceIp'),
      textIn(one, 'from'),
    ]
  },
  none: 'No feedback came in.\n',
}

const waiting: Kind = {
  object: 'DmarcInternalReport',
  heads: ['ID', 'GOES', 'MESSAGES', 'TO'],
  row: (one, now) => [
    one.id,
    relative(one['deliverAt'], now),
    numberIn(reportOf(one), 'messages').toLocaleString('en'),
    textsIn(one, 'rua').join(' '),
  ],
  none: 'No reports wait.\n',
}

const kinds = [received, feedback, waiting]

interface KindFlags {
  readonly waiting?: true
  readonly feedback?: true
  readonly search?: string
}

function kindOf(o: KindFlags): Kind {
  if (o.waiting === true && o.feedback === true) throw usageFailure('say --waiting or --feedback, not both')
  return o.waiting === true ? waiting : o.feedback === true ? feedback : received
}

const filterOf = ({ search }: KindFlags): Record<string, string> =>
  search === undefined ? {} : { text: search }

const withKind = (command: Command): Command =>
  command
    .option('--waiting', 'those that wait to be sent to others, not those that came in')
    .option('--feedback', 'those about single messages: complaints, and mail that failed authentication')
    .option('--search <text>', 'only where the domain, the organisation or the sender has this in it')

export function addReportCommands(program: Command, terminal: Terminal): void {
  const report = program
    .command('report')
    .description('reports about mail: of other servers, and those that wait to be sent to them')
  addList(report, terminal)
  report
    .command('show')
    .description('show what a report says')
    .argument('<id>', 'as `report list` shows it')
    .addHelpText('after', examplesOf('report show dxwqj0w', 'report show dxwqj0w --json'))
    .action(async (id: string, _o: object, self: Command) => {
      const context = contextOf(self, terminal)
      const { kind, one } = await find(context, id)
      const text = kind === feedback ? feedbackText : reportText
      context.show(one, text(one, Date.now(), terminal.columns))
    })
  addSend(report, terminal)
  addDelete(report, terminal)
}

function addList(report: Command, terminal: Terminal): void {
  withKind(report.command('list'))
    .description('list reports, the newest first')
    .option('--limit <count>', 'at most so many', countOption('--limit', mostListed), 50)
    .option('--page <number>', 'the next so many', countOption('--page', 1_000_000), 1)
    .addHelpText('after', examplesOf('report list --search example.org', 'report list --waiting --json'))
    .action(async (o: KindFlags & { limit: number; page: number }, self: Command) => {
      const context = contextOf(self, terminal)
      const { object, heads, row, none } = kindOf(o)
      const { items, total } = await context.objects.page(object, {
        filter: filterOf(o),
        page: o.page,
        limit: o.limit,
      })
      const now = Date.now()
      const rows = items.map((one) => row(one, now))
      context.show({ items, total }, table(heads, rows, terminal.columns) || none)
      if (!context.wantsJson && items.length < total)
        context.note(`${counted(items.length, 'report')} of ${total.toLocaleString('en')}`)
    })
}

function addSend(report: Command, terminal: Terminal): void {
  report
    .command('send')
    .description('send a report that waits now, and not when its day is over')
    .argument('<id>', 'as `report list --waiting` shows it')
    .addHelpText(
      'after',
      examplesOf('report send example.net:1772582400', 'report send example.net:1772582400 --json'),
    )
    .action(async (id: string, _o: object, self: Command) => {
      const context = contextOf(self, terminal)
      const deliverAt = new Date().toISOString()
      const sent = await context.objects.update(waiting.object, id, { deliverAt })
      context.show(sent, 'It is sent to those addresses that want it.\n')
    })
}

function addDelete(report: Command, terminal: Terminal): void {
  withKind(report.command('delete'))
    .description('delete reports; one that waits is never sent then')
    .argument('[ids...]', 'as `report list` shows them; or say which with the options')
    .option('--all', 'all of them')
    .option('--yes', 'do not ask')
    .addHelpText('after', examplesOf('report delete dxwqj0w', 'report delete --search spam.example --yes'))
    .action(async (ids: readonly string[], o: KindFlags & { all?: true; yes?: true }, self: Command) => {
      const context = contextOf(self, terminal)
      const filter = filterOf(o)
      const isFiltered = o.search !== undefined || o.all === true
      if (ids.length > 0 && isFiltered) throw usageFailure('say ids, or options that choose, not both')
      if (ids.length === 0 && !isFiltered)
        throw usageFailure('which reports?', 'say ids, or --search, or --all')
      const { object } = kindOf(o)
      const count = isFiltered
        ? (await context.objects.page(object, { filter, page: 1, limit: 1 })).total
        : ids.length
      if (o.yes !== true && count > 0) await confirm(terminal, `Delete ${counted(count, 'report')} for good?`)
      const deleted = isFiltered ? await context.objects.destroyAll(object, filter) : await each(context, ids)
      context.show({ deleted }, `Deleted: ${counted(deleted, 'report')}.\n`)
    })
}

async function each(context: Context, ids: readonly string[]): Promise<number> {
  for (const id of ids) await context.objects.destroy((await find(context, id)).kind.object, id)
  return ids.length
}

/** No two kinds have the same ids. */
async function find(
  { objects }: Context,
  id: string,
): Promise<{ readonly kind: Kind; readonly one: ShownObject & Values }> {
  for (const kind of kinds.slice(0, -1)) {
    try {
      return { kind, one: await objects.get(kind.object, id) }
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
  const kind = kinds.at(-1)!
  return { kind, one: await objects.get(kind.object, id) }
}
