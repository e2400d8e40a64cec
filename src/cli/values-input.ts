/**
 * What an object is to have, from everything that may say it: `field=value` arguments, a file, standard input,
 * and questions for secrets.
 */
import type { Command } from 'commander'
import { askFor, type Assignment, readAssignment } from './assignment.ts'
import type { Context } from './context.ts'
import { parseDocument, readText } from './document.ts'
import { CliFailure, usageFailure } from './failure.ts'
import type { Fields, ObjectDescription, ShownObject, Values } from './object-client.ts'
import { needsPresent, patchOf } from './patch.ts'
import { resolveSecrets } from './secret-source.ts'
import { firstLine, longestPasswordInput } from './sign-in.ts'

export interface ValueOptions {
  readonly file?: string
  readonly passwordStdin?: true
}

export const withFileOption = (command: Command): Command =>
  command.option('--file <file>', 'values as JSON or TOML from a file; - is standard input')

/** For what may have a password. */
export const withValueOptions = (command: Command): Command =>
  withFileOption(command).option('--password-stdin', 'read the password from standard input (its first line)')

export const assignmentHelp = `
How fields are given:
  enabled=false             a value
  quotas.maxDiskQuota=10GB  one part of a field, the others stay
  roles=helpdesk,user       a list; += adds one to it, -= takes one away
  aliases[x@example.org].enabled=false   one element, by name or number
  description=              back to its default
  secret=-                  asks, or reads standard input; never an argument
`

export interface WantedChange {
  readonly values: Values
  /** Of the object as it was when it was read, where that mattered. */
  readonly revision?: string
}

/**
 * Throws CliFailure. `present` reads the object as it is, undefined where there is none yet. `whose` stands in
 * the question for a secret.
 */
export async function wantedChange(
  context: Context,
  object: ObjectDescription,
  given: { args: readonly string[]; o: ValueOptions; whose: string; present?: () => Promise<ShownObject> },
): Promise<WantedChange> {
  const { args, o, whose } = given
  const assignments = args.map((one) => readAssignment(one, object.fields))
  assertOneReader(context, assignments, o)
  const fromFile = o.file === undefined ? {} : await valuesFrom(context, o.file, object)
  const present = given.present !== undefined && needsPresent(assignments) ? await given.present() : undefined
  const patch = patchOf(assignments, object.fields, { ...present, ...fromFile })
  const secrets = await secretsFor(context, object.fields, assignments, o, whose)
  const values = { ...fromFile, ...patch, ...secrets }
  return present === undefined ? { values } : { values, revision: present.revision }
}

function assertOneReader(context: Context, assignments: readonly Assignment[], o: ValueOptions): void {
  const asked = assignments.filter(({ value }) => value === askFor).length
  const readers =
    (o.file === '-' ? 1 : 0) +
    (o.passwordStdin ? 1 : 0) +
    (context.inputIsTaken ? 1 : 0) +
    (context.terminal.isInteractive ? 0 : asked)
  if (readers > 1)
    throw usageFailure(
      'standard input cannot be two things',
      'put one in a file, or the password in POSTERN_PASSWORD',
    )
}

async function valuesFrom(context: Context, file: string, object: ObjectDescription): Promise<Values> {
  const { terminal } = context
  const given = parseDocument(await readText(file, terminal), file)
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new CliFailure(`${file} must hold one object: the fields of ${object.name}`, {
      hint: '`postern apply` takes many',
    })
  // As `get --json` prints it: what the server sets is no wish.
  const wishes = Object.entries(given).filter(
    ([name]) => name !== 'id' && name !== 'revision' && object.fields[name]?.settable !== 'never',
  )
  return resolveSecrets(Object.fromEntries(wishes), object.fields, object.name, {
    env: terminal.env,
    foundInClear: (path) => context.note(`warning: ${path} stands in clear in ${file}`),
  })
}

async function secretsFor(
  context: Context,
  fields: Fields,
  assignments: readonly Assignment[],
  o: ValueOptions,
  whose: string,
): Promise<Values> {
  const wanted = assignments.filter(({ value }) => value === askFor).map(({ path }) => path)
  if (wanted.some((path) => path.length > 1))
    throw usageFailure('a secret inside a field: give it with --file')
  if (o.passwordStdin) wanted.push([secretField(fields)])
  const values: Record<string, string> = {}
  for (const [name] of wanted as [string][])
    values[name] = await secretText(context, `${name} of ${whose}`, o)
  return values
}

function secretField(fields: Fields): string {
  const names = Object.keys(fields).filter((name) => fields[name]!.kind === 'secret')
  if (names.length === 1) return names[0]!
  throw usageFailure(
    names.length === 0 ? 'this has no password' : `which of ${names.join(', ')}?`,
    names.length === 0 ? undefined : `say ${names[0]}=-`,
  )
}

async function secretText({ terminal, api }: Context, what: string, o: ValueOptions): Promise<string> {
  if (o.passwordStdin || !terminal.isInteractive) {
    const text = firstLine((await terminal.readInput(longestPasswordInput)).toString('utf8'))
    if (text === '') throw usageFailure('there is no password on standard input')
    return text
  }
  await api.ready()
  const text = await terminal.askHidden(`New ${what}: `)
  if (text !== (await terminal.askHidden('The same again: ')))
    throw new CliFailure('the two differ; nothing was changed')
  return text
}
