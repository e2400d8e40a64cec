/**
 * From the classic form of a principal to the values of its object. What is wrong with a value is left to the
 * object's own fields; here are names, and how a wrong property was called where it was given.
 */
import type { PropertyProblem } from '#base/fault.ts'
import type { Shown } from '#registry/change.ts'
import { classicFields, nativeOf, type PrincipalType } from './principal-shape.ts'

export type Given = Readonly<Record<string, unknown>>

export interface NativeValues {
  readonly values: Given
  readonly problems: readonly PropertyProblem[]
  /** The classic path of a property of the object. */
  readonly called: (property: string) => string
}

type Reader = (value: unknown, current: Shown | undefined, given: Given) => Given

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : [value])

/** Nothing, in all the ways in which scripts write it that always send every field. */
const isNothing = (value: unknown): boolean =>
  value === null || value === '' || value === 0 || (Array.isArray(value) && value.length === 0)

const same = (name: string): Reader => {
  return (value) => ({ [name]: value })
}

/** An address in the spelling in which it is compared here, so that one that is given twice counts once. */
const folded = (address: unknown): unknown =>
  typeof address === 'string' ? address.trim().toLowerCase() : address

/** Aliases that were there keep their descriptions. */
function aliasesOf(addresses: readonly unknown[], current: Shown | undefined): readonly unknown[] {
  const before = current === undefined ? [] : nativeOf(current).aliases
  return addresses.map((address) => before.find((one) => one.address === folded(address)) ?? { address })
}

function distinct(addresses: readonly unknown[]): readonly unknown[] {
  const seen = new Set<unknown>()
  return addresses.filter((address) => {
    const key = folded(address)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

const accountEmails: Reader = (value, current) => {
  if (value === null) return { emailAddress: null, aliases: null }
  const [primary = null, ...others] = distinct(asList(value))
  return { emailAddress: primary, aliases: aliasesOf(others, current) }
}

/** A list is called by its first address. */
const listEmails: Reader = (value, current, given) => {
  const name = folded(given['name'] ?? (current === undefined ? undefined : nativeOf(current).name))
  const others = distinct(asList(value ?? [])).filter((address) => folded(address) !== name)
  return { aliases: aliasesOf(others, current) }
}

const quota: Reader = (value, current) => ({
  quotas: { ...(current?.values['quotas'] as object | undefined), maxDiskQuota: value },
})

/** Where only roles counted so far, what an account is given besides has to count too. */
const enabledPermissions: Reader = (value, current) => {
  const isInherited = current === undefined || nativeOf(current).permissionMode === 'inherit'
  return {
    enabledPermissions: value,
    ...(isInherited && !isNothing(value) ? { permissionMode: 'merge' } : {}),
  }
}

/** One password; none at all only for a new account. */
const secrets: Reader = (value, current) => {
  const [first, ...more] = asList(value)
  if (first === undefined || first === null) return current === undefined ? {} : { secret: '' }
  return { secret: more.length === 0 ? first : value }
}

const recipients: Reader = (_value, current, given) => {
  const before = current === undefined ? [] : nativeOf(current).recipients
  const members = Object.hasOwn(given, 'members') ? asList(given['members'] ?? []) : before
  return { recipients: [...members, ...asList(given['externalMembers'] ?? [])] }
}

const ofAccount: Readonly<Record<string, Reader>> = {
  name: same('name'),
  description: same('description'),
  quota,
  secrets,
  emails: accountEmails,
  memberOf: same('memberOf'),
  roles: same('roles'),
  enabledPermissions,
  disabledPermissions: same('disabledPermissions'),
}

const readers: Readonly<Record<PrincipalType, Readonly<Record<string, Reader>>>> = {
  domain: { name: same('name'), description: same('description') },
  individual: ofAccount,
  group: ofAccount,
  list: {
    name: same('name'),
    description: same('description'),
    emails: listEmails,
    members: recipients,
    externalMembers: recipients,
  },
  role: {
    name: same('name'),
    description: same('description'),
    roles: same('roles'),
    enabledPermissions: same('enabledPermissions'),
    disabledPermissions: same('disabledPermissions'),
  },
}

/** Fields that change other objects than the principal's own. */
const elsewhere: Readonly<Record<PrincipalType, readonly string[]>> = {
  domain: [],
  individual: ['lists'],
  group: ['lists', 'members'],
  list: [],
  role: [],
}

/** `current`: as it is now, where it is there already. */
export function nativeValues(type: PrincipalType, given: Given, current?: Shown): NativeValues {
  const values = new Map<string, unknown>()
  const problems: PropertyProblem[] = []
  for (const [name, value] of Object.entries(given)) {
    if (name === 'type' || elsewhere[type].includes(name)) continue
    const reader = Object.hasOwn(readers[type], name) ? readers[type][name]! : undefined
    if (reader !== undefined) {
      for (const [native, read] of Object.entries(reader(value, current, given))) values.set(native, read)
    } else if (classicFields.has(name)) {
      if (!isNothing(value)) problems.push({ property: name, problem: `is nothing that a ${type} has` })
    } else if (isGivenOtherwise(name, given)) {
      problems.push({ property: name, problem: 'is given under its classic name too' })
    } else {
      values.set(name, value)
    }
  }
  const read = Object.fromEntries(values)
  return { values: read, problems, called: (property) => calledBefore(property, given, read) }
}

/** The classic names of what objects call otherwise. */
const classicNames: Readonly<Record<string, readonly string[]>> = {
  secret: ['secrets'],
  password: ['secrets'],
  quotas: ['quota'],
  permissionMode: ['enabledPermissions'],
  emailAddress: ['emails'],
  aliases: ['emails'],
  recipients: ['members', 'externalMembers'],
}

const classicNamesOf = (native: string, given: Given): readonly string[] =>
  Object.hasOwn(classicNames, native)
    ? classicNames[native]!.filter((name) => Object.hasOwn(given, name))
    : []

const isGivenOtherwise = (native: string, given: Given): boolean => classicNamesOf(native, given).length > 0

/** The path under which a property of the object was given. */
function calledBefore(property: string, given: Given, values: Given): string {
  const [native = '', index] = property.split('/')
  const names = classicNamesOf(native, given)
  const [first] = names
  if (first === undefined) return property
  const item = itemAt(native, index, values)
  for (const name of names) {
    const items = given[name]
    const i = item === undefined || !Array.isArray(items) ? -1 : items.indexOf(item)
    if (i >= 0) return `${name}/${i}`
  }
  return first
}

/** What was given for an address. */
function itemAt(native: string, index: string | undefined, values: Given): unknown {
  if (native === 'emailAddress') return values[native]
  const items = values[native]
  const item: unknown = index === undefined || !Array.isArray(items) ? undefined : items[Number(index)]
  return native === 'aliases' ? (item as { address: unknown } | undefined)?.address : item
}
