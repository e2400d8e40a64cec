/** `postern describe`: which objects there are, and which fields each has. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { described, usualColumns, widthOf, wrap } from '../layout.ts'
import type { FieldDescription, Fields, ObjectDescription } from '../object-client.ts'
import { painted, printable, type Terminal } from '../terminal.ts'
import { shortText } from '../value-text.ts'

const examples = `
Examples:
  $ postern describe               all objects
  $ postern describe Account       the fields of accounts, what they may be, and
                                   what you may do
`

export function addDescribeCommand(program: Command, terminal: Terminal): void {
  program
    .command('describe')
    .description('what can be managed: objects, their fields, and what those may be')
    .argument('[Object]', 'such as Account, Domain or Imap')
    .addHelpText('after', examples)
    .action(async (name: string | undefined, _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      if (name === undefined) {
        const all = await context.objects.describeAll()
        context.show(all, overview(all, terminal.columns))
      } else {
        const object = await context.objects.describe(name)
        context.show(object, detail(object, terminal, terminal.columns ?? usualColumns))
      }
    })
}

/** What it is counts more than what may be done with it: that, each says by itself. */
const overview = (all: readonly ObjectDescription[], columns: number | undefined): string =>
  described(
    all.map(({ name, help }) => [name, help]),
    columns,
  )

function detail(object: ObjectDescription, terminal: Terminal, columns: number): string {
  const { name, kind, help, fields, filters, may } = object
  const about = { singleton: 'there is one', collection: 'there may be many', record: 'the server writes it' }
  const heading = `${name}: ${help}`
  const rights = may.length === 0 ? 'nothing' : may.join(', ')
  const how = `${about[kind as 'record'] ?? kind}${object.ofAccount ? ' for each account' : ''}; you may: ${rights}`
  const parts = [wrap(heading, columns), wrap(how, columns), '\n', fieldsText(fields, terminal, columns)]
  if (Object.keys(filters).length > 0)
    parts.push(
      `\n${wrap('Filters, for query --filter name=value:', columns)}\n`,
      fieldsText(filters, terminal, columns),
    )
  return parts.join('')
}

/** The name and its kind on a line, and what is said about it below. */
function fieldsText(fields: Fields, terminal: Terminal, columns: number, indent = ''): string {
  const width = Math.max(...Object.keys(fields).map(widthOf), 0)
  return Object.entries(fields)
    .map(([name, field]) => {
      const head = `${indent}${painted(terminal, 'bold', printable(name).padEnd(width))}  ${marksOf(field)}`
      const inner = `${indent}    `
      const parts = field.parts ?? field.item?.parts
      // Of `origins` each part says the same of another field.
      const nested =
        parts === undefined || name === 'origins' ? '' : fieldsText(parts, terminal, columns, inner)
      return `${head.trimEnd()}\n${wrap(aboutField(field), columns, inner)}${nested}`
    })
    .join('')
}

function marksOf(field: FieldDescription): string {
  const kind = field.kind === 'list' && field.item !== undefined ? `list of ${field.item.kind}` : field.kind
  const marks = [
    field.required === true ? 'required' : '',
    field.settable === 'atCreation'
      ? 'only at creation'
      : field.settable === 'never'
        ? 'set by the server'
        : '',
    field.restart === true ? 'at the next start' : '',
  ].filter((mark) => mark !== '')
  return printable([kind, ...marks].join(', '))
}

function aboutField(field: FieldDescription): string {
  const isFixed = field.settable === 'never' || field.kind === 'record'
  const fallback = isFixed ? '' : shortText(field.default, field)
  const usual = fallback === '' ? '' : `Default: ${fallback}.`
  const isSaid = field.settable === 'never' || field.kind === 'record' || field.parts !== undefined
  const allowed = isSaid || field.allowed === '' ? '' : `Must be ${field.allowed}.`
  return [field.help, allowed, usual].filter((text) => text !== '').join(' ')
}
