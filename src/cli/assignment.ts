/**
 * `field=value` on the command line: what is to be done with which field of an object.
 *
 *   enabled=false               sets a value
 *   quotas.maxDiskQuota=10GB    one part of a field; the other parts stay
 *   roles=helpdesk,user         a list, with commas or as JSON
 *   aliases+=x@example.org      adds to a list; aliases-=x@example.org takes away
 *   aliases[x@example.org].enabled=false    one element, by name or by number from 0
 *   description=                puts back what holds where nothing is said
 *   secret=-                    asks for it, or reads it from standard input
 *
 * What must always hold: a secret is never taken from here, and what stands here in place of one is not
 * repeated in a message.
 */
import { nearest } from '#settings/nearest.ts'
import { usageFailure } from './failure.ts'
import type { FieldDescription, Fields } from './object-client.ts'

export interface Assignment {
  /** Names of fields and parts, and what names an element of a list. */
  readonly path: readonly string[]
  readonly field: FieldDescription
  readonly does: 'set' | 'add' | 'remove'
  /** As JSON; null puts the fallback back; `askFor`: a secret, to be asked for. */
  readonly value: unknown
}

/** Stands for a secret that is not on the command line. */
export const askFor = Symbol('to be asked for')

const form = /^([\w.]+(?:\[[^\]]*\][\w.]*)*)([+-]?=)([^]*)$/

/** Collects arguments that look right. What does not may be a password, so it is not repeated. */
export function assignmentArgument(given: string, before: readonly string[] = []): readonly string[] {
  if (form.test(given)) return [...before, given]
  throw usageFailure(
    'after the name come fields with their values, field=value',
    'such as description="the value"',
  )
}

/** Throws CliFailure that says how it is right. */
export function readAssignment(given: string, fields: Fields): Assignment {
  assignmentArgument(given)
  const [, name, sign, text] = form.exec(given) as unknown as [string, string, string, string]
  const path = pathOf(name)
  const field = fieldAt(fields, path, name)
  if (sign !== '=' && field.kind !== 'list')
    throw usageFailure(`${name} is no list: ${sign} is for lists`, `say ${name}=…`)
  if (holdsSecret(field)) {
    if (field.kind === 'secret' && sign === '=' && (text === '-' || text === ''))
      return { path, field, does: 'set', value: text === '-' ? askFor : null }
    throw secretOnCommandLine(name, field)
  }
  const does = ({ '=': 'set', '+=': 'add', '-=': 'remove' } as const)[sign as '=']
  if (text === '' && does !== 'set') throw usageFailure(`${name}${sign} of what?`)
  return { path, field, does, value: text === '' ? null : readText(text, field, name) }
}

function secretOnCommandLine(name: string, field: FieldDescription): Error {
  const instead =
    field.kind === 'secret'
      ? `say ${name}=- to be asked for it or to read it from standard input`
      : 'give it with --file, or with --file - from standard input'
  return usageFailure(
    `${name} is secret: on a command line it is seen by everybody on this machine and stays in the history`,
    instead,
  )
}

/** `aliases[x@example.org].enabled` in parts. */
const pathOf = (name: string): readonly string[] =>
  [...name.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, element, part]) => element ?? part!)

function fieldAt(fields: Fields, path: readonly string[], name: string): FieldDescription {
  let field: FieldDescription | undefined = { kind: 'record', help: '', allowed: '', parts: fields }
  for (const part of path) {
    if (field.kind === 'list' && field.item !== undefined) field = field.item
    else if (field.parts !== undefined && Object.hasOwn(field.parts, part)) field = field.parts[part]!
    else {
      const near = nearest(part, Object.keys(field.parts ?? {}))
      const guess = near === undefined ? '`postern describe` lists the fields' : `did you mean ${near}?`
      throw usageFailure(`there is no field ${name}`, guess)
    }
  }
  return field
}

export function holdsSecret(field: FieldDescription): boolean {
  if (field.kind === 'secret') return true
  if (field.item !== undefined && holdsSecret(field.item)) return true
  return Object.values(field.parts ?? {}).some(holdsSecret)
}

/** The server reads numbers, sizes and the like from text itself. */
function readText(text: string, field: FieldDescription, name: string): unknown {
  if (field.kind === 'list' && field.item !== undefined) {
    if (text.startsWith('[')) return readJson(text, name)
    const { item } = field
    if (text.startsWith('{')) return [readJson(text, name)]
    return text.split(',').map((one) => itemOf(one.trim(), item, name))
  }
  return field.kind === 'record' ? readJson(text, name) : text
}

/** `x@example.org` for `{"address": "x@example.org"}`: a record is called by the part that it must have. */
function itemOf(text: string, item: FieldDescription, name: string): unknown {
  if (item.kind !== 'record') return text
  const key = keyOf(item)
  if (key === undefined) throw usageFailure(`${name} holds objects: give them as JSON`, `${name}='[{…}]'`)
  return { [key]: text }
}

/** The part of a record by which it is called. */
export const keyOf = (item: FieldDescription): string | undefined =>
  Object.keys(item.parts ?? {}).find((part) => item.parts![part]!.required === true)

function readJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw usageFailure(
      `the value of ${name} is no JSON`,
      `in quotes of the shell, such as ${name}='["a", "b"]'`,
    )
  }
}
