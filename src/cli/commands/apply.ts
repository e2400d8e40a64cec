/**
 * `postern apply`: makes a server be as a file says. What must always hold: what is there already is not
 * written again; nothing is written before the plan was shown and agreed to; nothing is deleted that the file
 * does not name, but for --prune.
 */
import type { Command } from 'commander'
import { builtInRoles } from '#account/permission.ts'
import { type Context, contextOf } from '../context.ts'
import { parseDocument, readText } from '../document.ts'
import { QuietExit, usageFailure } from '../failure.ts'
import { counted, page, usualColumns } from '../layout.ts'
import { nameOf } from '../object-actions.ts'
import type { ObjectDescription, ShownObject } from '../object-client.ts'
import { countOption } from '../options.ts'
import { type PlanEntry, readPlan } from '../plan/entry.ts'
import { orderSteps } from '../plan/order.ts'
import { type Outcome, runSteps } from '../plan/run.ts'
import { failureOf, planSteps, type Steps } from '../plan/step.ts'
import { planText, shownSteps } from '../plan/text.ts'
import { resolveSecrets } from '../secret-source.ts'
import { confirm, type Terminal } from '../terminal.ts'

interface ApplyFlags {
  readonly yes?: true
  readonly dryRun?: true
  readonly prune?: true
  readonly secrets?: true
  readonly stop?: true
  readonly jobs: number
}

const changesExitCode = 2

const help = `
A plan says what is to be there, by kind and name; what it does not name stays as it is:
  {"Domain": [{"name": "example.org"}],
   "Account": [{"name": "alice@example.org", "roles": ["user"],
                "secret": {"fromEnv": "ALICE"}}]}
or one object after the other, as a list or one per line:
  {"object": "MailingList", "name": "old@example.org", "state": "absent"}
or as TOML. With "complete": true, as in snapshots, fields that are not named get their defaults.
Passwords are {"fromEnv": "NAME"} or {"fromFile": "/path"}. They are written when an account is created;
nobody can see whether they differ later, so for accounts that are there only with --secrets.

Exit codes: 0 the server is as the plan says, 1 something failed, 2 --dry-run found something to do.

Examples:
  $ postern apply organisation.json --dry-run       what would be done
  $ postern snapshot | postern apply - --yes --url https://new.example.org:8443
`

export function addApplyCommand(program: Command, terminal: Terminal): void {
  program
    .command('apply')
    .description('make a server be as a file says; applying it again changes nothing')
    .argument('<file>', 'a plan as JSON, JSON lines or TOML; - is standard input')
    .option('--yes', 'do not ask')
    .option('--dry-run', 'show what would be done, and do nothing')
    .option('--prune', 'delete what is of a kind that the plan names and is not in it')
    .option('--secrets', 'write passwords also where something is there already')
    .option('--stop', 'stop at the first failure; else all that can be done is done')
    .option('--jobs <count>', 'how many requests at once', countOption('--jobs', 64), 8)
    .addHelpText('after', () => page(help, terminal.columns ?? usualColumns))
    .action(async (file: string, o: ApplyFlags, command: Command) => {
      const context = contextOf(command, terminal)
      if (file === '-' && context.inputIsTaken)
        throw usageFailure('standard input cannot be two things', 'put the password in POSTERN_PASSWORD')
      const user = command.optsWithGlobals<{ user?: string }>().user ?? terminal.env['POSTERN_USER']
      await apply(context, file, o, user)
    })
}

async function apply(context: Context, file: string, o: ApplyFlags, user: string | undefined): Promise<void> {
  const { terminal, objects } = context
  const document = parseDocument(await readText(file, terminal), file)
  const entries = await withSecrets(context, readPlan(document, await objects.describeAll()))
  const watch = progressOf(terminal)
  const steps = await planSteps(entries, {
    objects,
    jobs: o.jobs,
    writeSecrets: o.secrets === true,
    prune: o.prune === true,
    keep: keeps(user),
    progress: watch('looked at'),
  })
  terminal.progress('')
  if (steps.problems.length > 0) {
    const count = counted(steps.problems.length, 'object is', 'objects are')
    throw failureOf(steps.problems, `${count} not right in the plan; nothing was changed`)
  }
  if (!context.wantsJson) terminal.out(planText(steps, terminal))
  if (o.dryRun === true || steps.steps.length === 0) {
    showPlan(context, steps)
    if (steps.steps.length > 0) throw new QuietExit(changesExitCode)
    return
  }
  if (o.yes !== true) await confirm(terminal, `Do ${counted(steps.steps.length, 'thing', 'things')}?`)
  const run = { objects, jobs: o.jobs, stopsAtRefusal: o.stop === true, progress: watch('done') }
  const outcome = await runSteps(orderSteps(steps.steps), run)
  terminal.progress('')
  showOutcome(context, steps, outcome)
}

async function withSecrets(context: Context, entries: readonly PlanEntry[]): Promise<readonly PlanEntry[]> {
  const inClear: string[] = []
  const { env } = context.terminal
  const resolved: PlanEntry[] = []
  for (const entry of entries) {
    const { object, key } = entry
    const sources = { env, foundInClear: (path: string) => void inClear.push(path) }
    const values = await resolveSecrets(entry.values, object.fields, `${object.name} ${key}`, sources)
    resolved.push({ ...entry, values })
  }
  if (inClear.length > 0) {
    const others = inClear.length > 1 ? ` and ${counted(inClear.length - 1, 'other')}` : ''
    context.note(
      `warning: ${inClear[0]}${others} in clear in the plan; {"fromEnv": …} and {"fromFile": …} are safer`,
    )
  }
  return resolved
}

/** What --prune leaves: what nobody can delete, what stands in the configuration file, and whoever does this. */
const keeps =
  (user: string | undefined) =>
  (object: ObjectDescription, one: ShownObject): boolean => {
    const name = nameOf(one)
    if (object.name === 'Role' && builtInRoles.has(name)) return true
    if (object.name === 'Account' && name === user?.toLowerCase()) return true
    const { origins } = one
    return (
      typeof origins === 'object' &&
      origins !== null &&
      Object.values(origins).some((from) => from !== 'store')
    )
  }

const progressEveryMs = 100

/** `1,000 of 1,000 done`, not more often than anybody can read. */
const progressOf = (terminal: Terminal) => (what: string) => {
  let last = 0
  return (done: number, all: number): void => {
    const now = Date.now()
    if (now - last < progressEveryMs && done < all) return
    last = now
    terminal.progress(`${done.toLocaleString('en')} of ${all.toLocaleString('en')} ${what}`)
  }
}

function showPlan(context: Context, { steps, unchanged }: Steps): void {
  if (context.wantsJson) context.show({ steps: shownSteps(steps), unchanged }, '')
}

function showOutcome(context: Context, { steps, unchanged }: Steps, { done, failed, left }: Outcome): void {
  const shown = { steps: shownSteps(steps), unchanged, done, failed, left }
  const rest = left > 0 ? `, ${counted(left, 'not begun', 'not begun')}` : ''
  context.show(shown, `Done: ${done.toLocaleString('en')} of ${counted(steps.length, 'thing')}${rest}.\n`)
  if (failed.length > 0) throw failureOf(failed, `${counted(failed.length, 'thing')} could not be done`)
}
