/**
 * Header fields of an Email that is created (RFC 8621 §4.6): from the properties that stand for them, each field from
 * one property only, in a form that it may have.
 */
import type { PropertyProblem } from '#base/fault.ts'
import { type EmailAddress, type EmailAddressGroup, fitsHeader } from '#message/addr-spec.ts'
import {
  composeDate,
  composeField,
  composeGroups,
  composeMessageIds,
  composeRaw,
  composeUrls,
  isBracketable,
} from '#message/compose.ts'
import { parseDate } from '#message/date.ts'
import { type HeaderForm, mayHaveForm } from '#message/header-forms.ts'
import {
  date,
  type Json,
  listOf,
  nullable,
  object,
  pointerToken,
  string,
  timeOf,
  type Value,
} from '../value.ts'
import { type HeaderProperty, parseHeaderProperty } from './header-property.ts'

/** What is wrong with an object, and which field stands for which property so far. */
export class FieldReader {
  readonly problems: PropertyProblem[]
  /** Names in lower case. */
  readonly taken: Set<string>

  constructor(problems: PropertyProblem[], taken: ReadonlySet<string> = new Set()) {
    this.problems = problems
    this.taken = new Set(taken)
  }

  problem(path: string, problem: string): undefined {
    this.problems.push({ property: path, problem })
    return undefined
  }

  /** A field that comes from this property, and from no other. */
  take(field: string, path: string): boolean {
    const lower = field.toLowerCase()
    if (this.taken.has(lower)) {
      this.problem(path, 'is a header field that another property gives too')
      return false
    }
    this.taken.add(lower)
    return true
  }

  /** The fields of a "header:" property; nothing where it is wrong, or null. */
  read(name: string, value: Json, path: string): readonly string[] {
    const property = parseHeaderProperty(name)
    if (property === undefined || !mayHaveForm(property.field, property.form)) {
      this.problem(path, 'is no form that the header field may have')
      return []
    }
    if (!this.take(property.field, path) || value === null) return []
    return this.fieldsOf(property, value, path)
  }

  /** The same of a property whose field has been taken. */
  fieldsOf({ field, form, all }: HeaderProperty, value: Json, path: string): readonly string[] {
    if (!all) return this.#one(field, form, value, path)
    if (!Array.isArray(value)) {
      this.problem(path, 'must be a list')
      return []
    }
    if (value.length > 1 && onlyOnce.has(field.toLowerCase()))
      this.problem(path, 'must not stand more than once (RFC 5322 §3.6)')
    return (value as readonly Json[]).flatMap((one, i) => this.#one(field, form, one, `${path}/${i}`))
  }

  #one(field: string, form: HeaderForm, value: Json, path: string): readonly string[] {
    const before = this.problems.length
    const text = writers[form](field, value, path, this)
    return text === undefined || this.problems.length > before ? [] : [text]
  }

  /** Undefined where it is not such a value. */
  as<T>(value: Value<T>, input: Json, path: string): T | undefined {
    const before = this.problems.length
    const read = value.read(input, path, this.problems)
    return this.problems.length > before ? undefined : read
  }
}

/** RFC 5322 §3.6. */
const onlyOnce: ReadonlySet<string> = new Set([
  'date',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'message-id',
  'in-reply-to',
  'references',
  'subject',
])

type Writer = (field: string, value: Json, path: string, reader: FieldReader) => string | undefined

const addressValue = object({ name: nullable(string), email: string })
const groupValue = object({ name: nullable(string), addresses: listOf(addressValue) })
type GivenAddress = { readonly name?: string | null; readonly email?: string }

function addressesOf(
  given: readonly GivenAddress[],
  path: string,
  reader: FieldReader,
): readonly EmailAddress[] {
  return given.map(({ name, email }, i) => {
    if (email === undefined) reader.problem(`${path}/${i}/email`, 'must be there')
    else if (!fitsHeader(email)) reader.problem(`${path}/${i}/email`, 'is too long')
    return { name: name ?? null, email: email ?? '' }
  })
}

/** A field without an address would be none (RFC 5322 §3.4), so it is left out. */
const groupsField = (field: string, groups: readonly EmailAddressGroup[]): string | undefined =>
  groups.some(({ name, addresses }) => name !== null || addresses.length > 0)
    ? composeGroups(field, groups)
    : undefined

function bracketed(value: Json, path: string, reader: FieldReader, what: string): readonly string[] {
  const texts = reader.as(listOf(string), value, path) ?? []
  for (const [i, text] of texts.entries())
    if (!isBracketable(text)) reader.problem(`${path}/${i}`, `is no ${what}`)
  return texts
}

const writers: { readonly [F in HeaderForm]: Writer } = {
  Raw(field, value, path, reader) {
    const text = reader.as(string, value, path)
    if (text === undefined) return undefined
    return composeRaw(field, text) ?? reader.problem(path, 'cannot stand in a header (RFC 5322 §2.2)')
  },
  Text(field, value, path, reader) {
    const text = reader.as(string, value, path)
    return text === undefined ? undefined : composeField(field, text)
  },
  Addresses(field, value, path, reader) {
    const given = reader.as(listOf(addressValue), value, path) ?? []
    return groupsField(field, [{ name: null, addresses: addressesOf(given, path, reader) }])
  },
  GroupedAddresses(field, value, path, reader) {
    const given = reader.as(listOf(groupValue), value, path) ?? []
    const groups = given.map(({ name, addresses }, i) => {
      if (addresses === undefined) reader.problem(`${path}/${i}/addresses`, 'must be there')
      return { name: name ?? null, addresses: addressesOf(addresses ?? [], `${path}/${i}/addresses`, reader) }
    })
    return groupsField(field, groups)
  },
  MessageIds(field, value, path, reader) {
    const ids = bracketed(value, path, reader, 'identifier (RFC 5322 §3.6.4)')
    return ids.length === 0 ? undefined : composeMessageIds(field, ids)
  },
  Date(field, value, path, reader) {
    const text = reader.as(date, value, path)
    if (text === undefined) return undefined
    return composeDate(field, { ms: timeOf(text), zoneMinutes: parseDate(text)?.zoneMinutes ?? 0 })
  },
  URLs(field, value, path, reader) {
    const urls = bracketed(value, path, reader, 'URL (RFC 2369 §2)')
    return urls.length === 0 ? undefined : composeUrls(field, urls)
  },
}

export const pathIn = (path: string, name: string): string =>
  path === '' ? pointerToken(name) : `${path}/${pointerToken(name)}`
