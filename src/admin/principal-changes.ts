/**
 * What creating or changing a principal means for objects: its own, and those of others, since the members of
 * a group are a matter of the members, and the lists of an account are a matter of the lists.
 */
import { isFault, type PropertyProblem } from '#base/fault.ts'
import type { Shown, WantedChange } from '#registry/change.ts'
import type { Scope } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import { type Given, nativeValues } from './principal-fields.ts'
import { listsOf } from './principal-lists.ts'
import { nativeOf, objectOf, type PrincipalObject, type PrincipalType } from './principal-shape.ts'

export interface PrincipalChanges {
  /** The principal's own first. */
  readonly changes: readonly WantedChange[]
  readonly problems: readonly PropertyProblem[]
}

/** As many as accounts show. */
const mostMembers = 1000

export class PrincipalPlanner {
  readonly #management: Management
  readonly #scope: Scope

  constructor(management: Management, scope: Scope) {
    this.#management = management
    this.#scope = scope
  }

  /** `current`: what is to be changed; otherwise one is created. */
  async plan(type: PrincipalType, given: Given, current?: Shown): Promise<PrincipalChanges> {
    const object = objectOf[type]
    const { values, problems, called } = nativeValues(type, given, current)
    const own: WantedChange =
      current === undefined
        ? { verb: 'create', object, given: withType(type, values), called }
        : { verb: 'update', object, key: current.id, given: values, ifRevision: current.revision, called }
    const changes = [own]
    const wrong = [...problems]
    if (Object.hasOwn(given, 'members') && type === 'group') {
      const found = await this.#members(namesIn(given['members']), values['name'], current)
      changes.push(...found.changes)
      wrong.push(...found.problems)
    }
    if (Object.hasOwn(given, 'lists') && object === 'Account') {
      const found = await this.#lists(namesIn(given['lists']), values, current)
      changes.push(...found.changes)
      wrong.push(...found.problems)
    }
    return { changes, problems: wrong }
  }

  async #members(wanted: readonly unknown[], newName: unknown, group?: Shown): Promise<PrincipalChanges> {
    const before = group === undefined ? [] : nativeOf(group).members
    const name = newName ?? (group === undefined ? '' : nativeOf(group).name)
    if (before.length >= mostMembers && wanted.length < before.length - 1) {
      const problem = `cannot be set for more than ${mostMembers}: add and remove single ones`
      return { changes: [], problems: [{ property: 'members', problem }] }
    }
    const found = await this.#differing('Account', 'members', 'the name of an account', wanted, before)
    const changes = found.changed.map(({ one, property, isAdded }): WantedChange => {
      const { memberOf } = nativeOf(one)
      const old = group === undefined ? undefined : nativeOf(group).name
      const next = isAdded ? [...memberOf, name] : memberOf.filter((other) => other !== old)
      return updateOf('Account', one, { memberOf: next }, property)
    })
    return { changes, problems: found.problems }
  }

  async #lists(wanted: readonly unknown[], values: Given, account?: Shown): Promise<PrincipalChanges> {
    const own = account === undefined ? [] : addressesOf(account)
    const before = account === undefined ? [] : await listsOf(this.#management, this.#scope, own)
    const found = await this.#differing('MailingList', 'lists', 'the name of a list', wanted, before)
    const address = values['emailAddress'] ?? (own.length > 0 ? own[0] : values['name'])
    const changes = found.changed.map(({ one, property, isAdded }): WantedChange => {
      const { recipients } = nativeOf(one)
      const next = isAdded ? [...recipients, address] : recipients.filter((other) => !own.includes(other))
      return updateOf('MailingList', one, { recipients: next }, property)
    })
    return { changes, problems: found.problems }
  }

  /** Objects that are wanted and were not there, and the other way round. */
  async #differing(
    object: PrincipalObject,
    property: string,
    allowed: string,
    wanted: readonly unknown[],
    before: readonly string[],
  ) {
    const changed: { one: Shown; property: string; isAdded: boolean }[] = []
    const problems: PropertyProblem[] = []
    const kept = new Set<string>()
    for (const [i, name] of wanted.slice(0, mostMembers + before.length).entries()) {
      const one = typeof name === 'string' ? await this.#find(object, name) : undefined
      if (one === undefined) {
        problems.push({ property: `${property}/${i}`, problem: `must be ${allowed}` })
      } else if (!kept.has(nativeOf(one).name)) {
        kept.add(nativeOf(one).name)
        if (!before.includes(nativeOf(one).name))
          changed.push({ one, property: `${property}/${i}`, isAdded: true })
      }
    }
    for (const name of before) {
      const one = kept.has(name) ? undefined : await this.#find(object, name)
      if (one !== undefined) changed.push({ one, property, isAdded: false })
    }
    if (changed.length > mostMembers)
      problems.push({ property, problem: `may change by at most ${mostMembers} at once` })
    return { changed, problems }
  }

  async #find(object: PrincipalObject, name: string): Promise<Shown | undefined> {
    try {
      return await this.#management.get(object, name, this.#scope)
    } catch (error) {
      if (isFault(error, 'notFound')) return undefined
      throw error
    }
  }
}

const updateOf = (object: PrincipalObject, one: Shown, given: Given, property: string): WantedChange => ({
  verb: 'update',
  object,
  key: one.id,
  given,
  ifRevision: one.revision,
  called: () => property,
})

const withType = (type: PrincipalType, values: Given): Given =>
  objectOf[type] === 'Account' ? { ...values, type: type === 'group' ? 'group' : 'user' } : values

const namesIn = (value: unknown): readonly unknown[] => {
  if (value === null || value === '') return []
  return Array.isArray(value) ? (value as unknown[]) : [value]
}

/** The primary one first. */
export function addressesOf(account: Shown): readonly string[] {
  const { emailAddress, aliases, name } = nativeOf(account)
  return [emailAddress, name, ...aliases.map(({ address }) => address)]
}
