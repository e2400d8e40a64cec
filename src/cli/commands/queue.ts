/** `postern queue`: mail that waits, looked at and changed. Pausing is `queue-pause.ts`. */
import type { Command } from 'commander'
import { type Context, contextOf } from '../context.ts'
import { CliFailure, isNotFound, usageFailure } from '../failure.ts'
import { counted, table } from '../layout.ts'
import type { ShownObject, Values } from '../object-client.ts'
import { appended, countOption } from '../options.ts'
import { inParallel } from '../parallel.ts'
import { confirm, printable, type Terminal } from '../terminal.ts'
import { readComing, relative } from '../time-text.ts'
import { examplesOf } from './noun.ts'
import { addPauseCommands } from './queue-pause.ts'
import { messageText, textIn, textsIn } from './queue-text.ts'

const object = 'QueuedMessage'
const mostListed = 1000
const atOnce = 8

interface FilterFlags {
  readonly from?: string
  readonly to?: string
  readonly domain?: string
  readonly account?: string
  readonly status?: string
  readonly search?: string
}

interface ChosenFlags extends FilterFlags {
  readonly all?: true
  readonly only?: readonly string[]
}

export function addQueueCommands(program: Command, terminal: Terminal): void {
  const queue = program
    .command('queue')
    .description('mail that waits: looked at, hurried, taken out, held back')
  addList(queue, terminal)
  queue
    .command('show')
    .description('show a message that waits, and what was tried')
    .argument('<id>', 'as `queue list` shows it')
    .addHelpText('after', examplesOf('queue show 1k2m3n4p5', 'queue show 1k2m3n4p5 --json'))
    .action(async (id: string, _o: object, self: Command) => {
      const context = contextOf(self, terminal)
      const one = await context.objects.get(object, id)
      context.show(one, messageText(one, Date.now(), terminal.columns))
    })
  addRetry(queue, terminal)
  addCancel(queue, terminal)
  addPauseCommands(queue, terminal)
}

const withFilters = (command: Command): Command =>
  command
    .option('--search <text>', 'only where the sender or a recipient has this in it')
    .option('--from <text>', 'only where the sender has this in it')
    .option('--to <text>', 'only where a recipient has this in it')
    .option('--domain <domain>', 'only where a recipient is of this domain')
    .option('--account <name>', 'only what this account submitted')
    .option('--status <text>', 'only where this was said last, such as "refused" or 4.7.1')

const withChoice = (command: Command): Command =>
  withFilters(command)
    .argument('[ids...]', 'as `queue list` shows them; or say which with the options')
    .option('--all', 'all that wait')
    .option('--only <address>', 'only this recipient of each; may be repeated', appended)

function filterOf({ search, from, to, domain, account, status }: FilterFlags): Record<string, string> {
  const given = Object.entries({ text: search, from, to, domain, account, status })
  return Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

function addList(queue: Command, terminal: Terminal): void {
  withFilters(queue.command('list'))
    .description('list mail that waits, the oldest first')
    .option('--limit <count>', 'at most so many', countOption('--limit', mostListed), 50)
    .option('--page <number>', 'the next so many', countOption('--page', 1_000_000), 1)
    .addHelpText('after', examplesOf('queue list', 'queue list --domain remote.example --json'))
    .action(async (o: FilterFlags & { limit: number; page: number }, self: Command) => {
      const context = contextOf(self, terminal)
      const { items, total, isMore } = await context.objects.page(object, {
        filter: filterOf(o),
        page: o.page,
        limit: o.limit,
      })
      const now = Date.now()
      const text = table(
        ['ID', 'NEXT', 'TRIED', 'TO', 'MORE', 'FROM', 'SAID'],
        items.map((one) => rowOf(one, now)),
        terminal.columns,
      )
      context.show({ items, total }, text || 'Nothing waits.\n')
      if (!context.wantsJson && items.length < total)
        context.note(
          `${counted(items.length, 'message')} of ${total.toLocaleString('en')}${isMore ? ' or more' : ''}`,
        )
    })
}

function rowOf(one: ShownObject, now: number): readonly string[] {
  const [first = '', ...others] = textsIn(one, 'to')
  return [
    one.id,
    relative(one['nextAttemptAt'], now).replace(/^.* ago$/, 'now'),
    typeof one['attempts'] === 'number' ? String(one['attempts']) : '',
    first,
    others.length === 0 ? '' : `+${others.length}`,
    textIn(one, 'from') || '<>',
    textIn(one, 'status'),
  ]
}

function addRetry(queue: Command, terminal: Terminal): void {
  withChoice(queue.command('retry'))
    .description('try mail now, or at another time')
    .option('--at <time>', 'not now but then: 2h, or 2026-03-04T05:06:07Z')
    .option('--expires <time>', 'and give it up then')
    .addHelpText('after', examplesOf('queue retry 1k2m3n4p5', 'queue retry --domain remote.example'))
    .action(
      async (ids: readonly string[], o: ChosenFlags & { at?: string; expires?: string }, self: Command) => {
        const context = contextOf(self, terminal)
        const now = Date.now()
        const patch: Values = {
          ...(o.at === undefined ? { retry: true } : { nextAttemptAt: readComing(o.at, now) }),
          ...(o.expires === undefined ? {} : { expiresAt: readComing(o.expires, now) }),
          ...(o.only === undefined ? {} : { only: o.only }),
        }
        const filter = choiceOf(ids, o)
        const done =
          filter === undefined
            ? (await each(context, ids, (id) => context.objects.update(object, id, patch))).length
            : await context.objects.updateAll(object, filter, patch)
        const when = o.at === undefined ? 'now' : `at ${String(patch['nextAttemptAt'])}`
        context.show({ retried: done }, `${counted(done, 'message')} will be tried ${when}.\n`)
      },
    )
}

function addCancel(queue: Command, terminal: Terminal): void {
  withChoice(queue.command('cancel'))
    .description('take mail out of the queue; it is sent to nobody any more')
    .option('--bounce', 'tell the senders')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      examplesOf('queue cancel 1k2m3n4p5', 'queue cancel --from alice@example.org --bounce'),
    )
    .action(async (ids: readonly string[], o: ChosenFlags & { bounce?: true; yes?: true }, self: Command) => {
      const context = contextOf(self, terminal)
      const filter = choiceOf(ids, o)
      // A recipient is taken out of each message for itself: who else is there differs.
      const isOneByOne = filter === undefined || o.only !== undefined
      const chosen = filter === undefined ? ids : isOneByOne ? await idsOf(context, filter) : []
      const count = isOneByOne ? counted(chosen.length, 'message') : await countedMatches(context, filter)
      const what = o.only === undefined ? count : `${o.only.join(', ')} of ${count}`
      if (o.yes !== true && !count.startsWith('0 '))
        await confirm(terminal, `Take ${what} out of the queue for good?`)
      const done = isOneByOne
        ? (await each(context, chosen, (id) => cancelOne(context, id, o))).length
        : await cancelAll(context, filter, o.bounce === true)
      context.show({ cancelled: done }, printable(`Taken out: ${counted(done, 'message')}.`) + '\n')
    })
}

const idsOf = async (
  context: Context,
  filter: Readonly<Record<string, string>>,
): Promise<readonly string[]> => (await context.objects.all(object, filter)).map(({ id }) => id)

async function countedMatches(context: Context, filter: Readonly<Record<string, string>>): Promise<string> {
  const { total, isMore } = await context.objects.page(object, { filter, page: 1, limit: 1 })
  return `${counted(total, 'message')}${isMore ? ' or more' : ''}`
}

const cancelAll = (
  { objects }: Context,
  filter: Readonly<Record<string, string>>,
  bounce: boolean,
): Promise<number> =>
  bounce ? objects.updateAll(object, filter, { to: [], bounce }) : objects.destroyAll(object, filter)

/** As it is now: recipients that are done meanwhile are not there any more. */
async function cancelOne(
  context: Context,
  id: string,
  o: { only?: readonly string[]; bounce?: true },
): Promise<unknown> {
  if (o.only === undefined && o.bounce !== true) return context.objects.destroy(object, id)
  const gone = o.only?.map((one) => one.toLowerCase())
  const one = gone === undefined ? undefined : await context.objects.get(object, id)
  const before = one === undefined ? [] : textsIn(one, 'to')
  const to = before.filter((address) => gone?.includes(address.toLowerCase()) !== true)
  if (one !== undefined && to.length === before.length)
    throw new CliFailure(`${id} waits for nobody of that name`, {
      hint: `\`postern queue show ${id}\` lists them`,
    })
  return context.objects.update(object, id, { to, bounce: o.bounce === true })
}

/** What is asked of all; undefined where messages were named. Throws where it is not clear which. */
function choiceOf(ids: readonly string[], o: ChosenFlags): Readonly<Record<string, string>> | undefined {
  const filter = filterOf(o)
  const isFiltered = Object.keys(filter).length > 0
  if (ids.length > 0) {
    if (isFiltered || o.all === true) throw usageFailure('say ids, or options that choose, not both')
    return undefined
  }
  if (!isFiltered && o.all !== true)
    throw usageFailure('which messages?', 'say ids, or --from, --domain ..., or --all')
  return filter
}

/** The ids of those that were there still. One that was named alone must be. */
async function each(
  context: Context,
  ids: readonly string[],
  work: (id: string) => Promise<unknown>,
): Promise<readonly string[]> {
  let count = 0
  const done = await inParallel(ids, atOnce, async (id) => {
    try {
      await work(id)
    } catch (error) {
      if (ids.length === 1 || !isNotFound(error)) throw error
      return undefined
    }
    context.terminal.progress(`${(++count).toLocaleString('en')} of ${ids.length.toLocaleString('en')}`)
    return id
  })
  context.terminal.progress('')
  return done.filter((id) => id !== undefined)
}
