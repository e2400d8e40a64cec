/**
 * What commands do with objects: show, list, create, change, delete. The generic commands and those with
 * better words are both made of these, so that they print and fail alike.
 */
import type { Context } from './context.ts'
import { differences, differenceTexts } from './difference.ts'
import { CliFailure, Refusal, usageFailure } from './failure.ts'
import { counted, pairs, table, widthOf, wrap } from './layout.ts'
import { nearest } from '#settings/nearest.ts'
import type { ObjectDescription, ShownObject, Values } from './object-client.ts'
import { wordFor } from './object-words.ts'
import { confirm, printable } from './terminal.ts'
import { describedPairs, shortText } from './value-text.ts'
import { type ValueOptions, wantedChange } from './values-input.ts'

/** What a list shows of objects that are well known; of others, the first fields that fit a line. */
const usualColumns: Readonly<Record<string, readonly string[]>> = {
  Domain: ['name', 'enabled', 'aliases', 'description'],
  Account: ['name', 'type', 'enabled', 'aliases', 'roles', 'description'],
  MailingList: ['name', 'enabled', 'posting', 'recipients', 'description'],
  Role: ['name', 'roles', 'description'],
  DkimSignature: ['name', 'stage', 'stageSince', 'nextTransitionAt'],
  Certificate: ['name', 'default', 'subjectAlternativeNames', 'issuer', 'notValidAfter'],
  NetworkListener: ['name', 'protocol', 'bind', 'useTls', 'tlsImplicit'],
  AuditEntry: ['at', 'actor', 'verb', 'object', 'name', 'ip'],
}
const mostColumns = 6

/** What a column is called whose field has a long name. */
const heads: Readonly<Record<string, string>> = {
  usedDiskQuota: 'USED',
  'quotas.maxDiskQuota': 'QUOTA',
  stageSince: 'SINCE',
  nextTransitionAt: 'NEXT',
}

export const singletonKey = 'singleton'

export const nameOf = (one: ShownObject): string => (typeof one['name'] === 'string' ? one['name'] : one.id)

/** `account alice@example.org`. */
const calledOf = (object: ObjectDescription, one: ShownObject): string =>
  `${wordFor(object.name, one['type'])} ${nameOf(one)}`

/** `--fields a,b`. Throws CliFailure for one that is not there. */
export function readFieldNames(
  given: string | undefined,
  object: ObjectDescription,
): readonly string[] | undefined {
  if (given === undefined) return undefined
  const names = given.split(',').map((one) => one.trim())
  const known = ['id', ...Object.keys(object.fields), 'revision']
  for (const name of names) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    throw usageFailure(
      `${object.name} has no field ${name}`,
      near === undefined ? `\`postern describe ${object.name}\` lists them` : `did you mean ${near}?`,
    )
  }
  return names
}

const picked = (one: ShownObject, names: readonly string[] | undefined): Values =>
  names === undefined ? one : Object.fromEntries(names.map((name) => [name, one[name] ?? null]))

export function showOne(
  context: Context,
  object: ObjectDescription,
  one: ShownObject,
  fields?: readonly string[],
): void {
  // Of what there is one, the id says nothing.
  const { id: _id, ...others } = one
  const shown = object.kind === singletonKey && fields === undefined ? others : one
  context.show(picked(one, fields), pairs(describedPairs(shown, object.fields, fields)))
}

export interface ListOptions {
  readonly filter: Readonly<Record<string, string>>
  readonly fields?: readonly string[] | undefined
  /** What is shown where nobody says which fields, and the kind is shown otherwise elsewhere. */
  readonly columns?: readonly string[] | undefined
  /** Absent: all. */
  readonly page?: { readonly page: number; readonly limit: number }
  /** What is printed where there is nothing. */
  readonly none?: string
}

export async function listObjects(
  context: Context,
  object: ObjectDescription,
  o: ListOptions,
): Promise<void> {
  const { objects, terminal } = context
  const { items, total } =
    o.page === undefined
      ? await objects.all(object.name, o.filter).then((all) => ({ items: all, total: all.length }))
      : await objects.page(object.name, { filter: o.filter, ...o.page })
  const columns = o.fields ?? o.columns ?? columnsOf(object)
  const rows = items.map((one) => columns.map((name) => cellOf(one, object, name)))
  const times = columns.map((name) => object.fields[name]?.kind === 'dateTime')
  const text = timeTable(columns.map(headOf), rows, times, terminal.columns)
  const data = items.map((one) => picked(one, o.fields))
  context.show(
    o.page === undefined ? data : { items: data, total },
    text || `${o.none ?? 'There are none.'}\n`,
  )
  if (!context.wantsJson && items.length < total)
    context.note(
      `${counted(items.length, 'line')} of ${total.toLocaleString('en')}; --all shows all, --page 2 the next`,
    )
}

/** A column may be a part of a field, `quotas.maxDiskQuota`: then what is not set is empty. */
function cellOf(one: ShownObject, { fields }: ObjectDescription, column: string): string {
  const [name = '', part] = column.split('.')
  const field = fields[name]
  if (part === undefined) return shortText(one[name], field)
  const value = (one[name] as Values | undefined)?.[part]
  return value === field?.parts?.[part]?.default ? '' : shortText(value, field?.parts?.[part])
}

/** Where lines are too long, a day says more than the beginning of a time. */
function timeTable(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  isTime: readonly boolean[],
  columns: number | undefined,
): string {
  const whole = table(names, rows)
  if (columns === undefined || whole.split('\n').every((line) => widthOf(line) <= columns)) return whole
  const days = rows.map((row) => row.map((cell, i) => (isTime[i] === true ? cell.slice(0, 10) : cell)))
  return table(names, days, columns)
}

const headOf = (name: string): string =>
  heads[name] ?? name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase()

function columnsOf(object: ObjectDescription): readonly string[] {
  const usual = usualColumns[object.name]?.filter((name) => Object.hasOwn(object.fields, name))
  if (usual !== undefined && usual.length > 0) return usual
  const simple = Object.entries(object.fields).filter(
    ([, { kind }]) => kind !== 'record' && kind !== 'secret',
  )
  const names = simple.map(([name]) => name)
  return (names.includes('name') ? names : ['id', ...names]).slice(0, mostColumns)
}

export interface ChangeFlags extends ValueOptions {
  readonly dryRun?: true
  readonly ifRevision?: string
}

/** Creates an object and says what nobody will see again. */
export async function createObject(
  context: Context,
  object: ObjectDescription,
  values: Values,
  o: { dryRun?: true | undefined; shown?: Values; next?: string | readonly string[] },
): Promise<void> {
  const isDry = o.dryRun === true
  const made = await context.objects.create(object.name, values, { dryRun: isDry })
  const once = { ...(isDry ? {} : await onceShown(context, object, made)), ...o.shown }
  const done = printable(`The ${calledOf(object, made)} ${isDry ? 'would be' : 'was'} created.`)
  const lines = o.next === undefined || isDry ? [] : [o.next].flat()
  const next = lines.map((line) => `${printable(line)}\n`).join('')
  context.show({ ...made, ...o.shown }, `${done}\n${onceText(once)}${next}`)
}

/**
 * What stands in an answer and will not be shown again: secrets that the server made up. Where that cannot be
 * found out, all that the server has set: better too much than a secret that nobody ever sees.
 */
async function onceShown(context: Context, object: ObjectDescription, answer: ShownObject): Promise<Values> {
  const isSaid = (name: string): boolean =>
    Object.hasOwn(object.fields, name) && object.fields[name]!.settable !== 'never'
  const again = await context.objects.get(object.name, answer.id).catch((error: unknown) => {
    if (error instanceof CliFailure) return { id: '', revision: '' }
    throw error
  })
  return Object.fromEntries(
    Object.entries(answer).filter(([name]) => !Object.hasOwn(again, name) && !isSaid(name)),
  )
}

const onceText = (once: Values): string =>
  Object.entries(once)
    .map(([name, value]) => `${printable(`${name}: ${shortText(value, undefined)}`)}\n`)
    .join('')

/** Changes what the arguments say and shows what differs. */
export async function updateObject(
  context: Context,
  object: ObjectDescription,
  key: string,
  args: readonly string[],
  o: ChangeFlags,
): Promise<void> {
  const present = (): Promise<ShownObject> => context.objects.get(object.name, key)
  const { values, revision } = await wantedChange(context, object, { args, o, whose: key, present })
  if (Object.keys(values).length === 0) throw usageFailure('what is to change?', 'say field=value, or --file')
  await changeObject(context, object, key, values, { ...o, ...(revision === undefined ? {} : { revision }) })
}

export async function changeObject(
  context: Context,
  object: ObjectDescription,
  key: string,
  values: Values,
  o: { dryRun?: true | undefined; ifRevision?: string | undefined; revision?: string } = {},
): Promise<void> {
  const { objects } = context
  const before = await objects.get(object.name, key).catch((error: unknown) => {
    // Whoever may change it without reading it is not shown what differs.
    if (error instanceof Refusal && error.status === 403) return undefined
    throw error
  })
  const ifRevision = o.ifRevision ?? o.revision
  const isDry = o.dryRun === true
  const after = await objects.update(object.name, key, values, {
    dryRun: isDry,
    ...(ifRevision === undefined ? {} : { ifRevision }),
  })
  const called = object.kind === singletonKey ? object.name : `The ${calledOf(object, after)}`
  const secrets = Object.keys(values).filter((name) => object.fields[name]?.kind === 'secret')
  const found = before === undefined ? [] : differences(before, after, object.fields)
  const told = [
    ...found.filter(({ field }) => !secrets.includes(field)),
    ...secrets.map((field) => ({ field, before: null, after: null })),
  ]
  const isSame = before !== undefined && told.length === 0
  const how = isSame ? 'is like that already' : isDry ? 'would be changed' : 'was changed'
  const lines = told
    .flatMap((one) => differenceTexts(one, object.fields))
    .map((line) => wrap(line, context.terminal.columns, '  '))
    .join('')
  const once = object.ofAccount && !isDry ? await onceShown(context, object, after) : {}
  context.show(after, `${printable(`${called} ${how}.`)}\n${lines}${onceText(once)}`)
  const later = found.map(({ field }) => field).filter((field) => object.fields[field]?.restart === true)
  if (later.length > 0 && !isDry)
    context.note(`${later.join(', ')}: takes effect when the server is started the next time`)
}

export async function deleteObject(
  context: Context,
  object: ObjectDescription,
  key: string,
  o: { yes?: true; dryRun?: true; ifRevision?: string; warning?: string },
): Promise<void> {
  const one = await context.objects.get(object.name, key)
  const what = calledOf(object, one)
  const warning = o.warning === undefined ? '' : ` ${o.warning}`
  if (o.yes !== true && o.dryRun !== true) {
    await confirm(context.terminal, `Delete the ${what}?${warning}`)
  }
  // What was shown may not be what is there when the answer comes.
  const ifRevision = o.ifRevision ?? one.revision
  await context.objects.destroy(object.name, one.id, { dryRun: o.dryRun === true, ifRevision })
  const text = o.dryRun === true ? `The ${what} would be deleted.${warning}` : `The ${what} was deleted.`
  context.show({ deleted: o.dryRun !== true, id: one.id, name: nameOf(one) }, printableLine(text))
}

const printableLine = (text: string): string => `${printable(text.trimEnd())}\n`
