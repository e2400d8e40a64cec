/**
 * A model of what people may do with each other's mailboxes, written from RFC 4314 §4 alone: sets of letters,
 * lists of entries, and what each command answers. `random.test.ts` compares the server with it.
 */
import assert from 'node:assert/strict'

export interface Owner {
  readonly id: number
  readonly name: string
  readonly isGroup: boolean
  groups: readonly Owner[]
  readonly boxes: Map<string, Box>
}

interface Given {
  granted: Set<string> | undefined
  denied: Set<string>
}

export interface Message {
  flags: Set<string>
}

export interface Entry {
  readonly uid: number
  readonly message: Message
  isDeleted: boolean
}

export interface Box {
  readonly owner: Owner
  readonly given: Map<string, Given>
  entries: Entry[]
  uidNext: number
}

export const letters = 'lrswipkxtea'
const initial = ['INBOX', 'Drafts', 'Sent', 'Junk', 'Trash', 'Archive']

/** `OK`, or what is in brackets behind `NO`; empty for none. */
export type Outcome = string

const above = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

export function makeOwner(id: number, name: string, isGroup: boolean): Owner {
  const owner: Owner = { id, name, isGroup, groups: [], boxes: new Map() }
  for (const path of initial) owner.boxes.set(path, makeBox(owner, undefined))
  return owner
}

function makeBox(owner: Owner, parent: Box | undefined): Box {
  const given = new Map<string, Given>()
  for (const [name, { granted, denied }] of parent?.given ?? [])
    given.set(name, { granted: granted && new Set(granted), denied: new Set(denied) })
  return { owner, given, entries: [], uidNext: 1 }
}

export function pathFor(user: Owner, owner: Owner, path: string): string {
  if (user === owner) return path
  return `${owner.isGroup ? 'Shared Folders' : 'Other Users'}/${owner.name}/${path}`
}

export function rightsOn(user: Owner, box: Box): Set<string> {
  const names = [user.name, ...user.groups.map(({ name }) => name), 'anyone']
  const rights = new Set<string>()
  for (const letter of letters) {
    if (user === box.owner && 'la'.includes(letter)) rights.add(letter)
    if (names.some((name) => box.given.get(name)?.denied.has(letter) === true)) continue
    const isDefault = names.includes(box.owner.name) && box.given.get(box.owner.name)?.granted === undefined
    if (isDefault || names.some((name) => box.given.get(name)?.granted?.has(letter) === true))
      rights.add(letter)
  }
  return rights
}

/** What a command that needs these rights answers. */
export function asking(user: Owner, owner: Owner, path: string, needs: string): Outcome {
  const box = owner.boxes.get(path)
  const rights = box === undefined ? new Set<string>() : rightsOn(user, box)
  if (box !== undefined && Array.from(needs).every((letter) => rights.has(letter))) return 'OK'
  return rights.has('l') ? 'NOPERM' : 'NONEXISTENT'
}

/** What keeps a mailbox from being made there. */
export function making(user: Owner, owner: Owner, path: string): Outcome {
  const there = owner.boxes.get(path)
  if (there !== undefined) return rightsOn(user, there).has('l') ? 'ALREADYEXISTS' : 'NOPERM'
  let at = above(path)
  while (at !== '' && !owner.boxes.has(at)) at = above(at)
  const parent = owner.boxes.get(at)
  if (parent !== undefined) return rightsOn(user, parent).has('k') ? 'OK' : 'NOPERM'
  if (user === owner) return 'OK'
  const isMember = user.groups.includes(owner)
  return isMember && rightsOn(user, owner.boxes.get('INBOX')!).has('k') ? 'OK' : 'NOPERM'
}

export function make(owner: Owner, path: string): void {
  const parent = above(path)
  if (parent !== '' && !owner.boxes.has(parent)) make(owner, parent)
  owner.boxes.set(path, makeBox(owner, owner.boxes.get(parent)))
}

export function rename(owner: Owner, from: string, to: string): void {
  const parent = above(to)
  if (parent !== '' && !owner.boxes.has(parent)) make(owner, parent)
  for (const [path, box] of Array.from(owner.boxes)) {
    if (path !== from && !path.startsWith(`${from}/`)) continue
    owner.boxes.delete(path)
    owner.boxes.set(to + path.slice(from.length), box)
  }
}

export const hasBelow = (owner: Owner, path: string): boolean =>
  [...owner.boxes.keys()].some((other) => other.startsWith(`${path}/`))

/** Which right a flag needs. */
export const rightOf = (flag: string): string => (flag === '\\Seen' ? 's' : flag === '\\Deleted' ? 't' : 'w')

export function append(box: Box, rights: Set<string>, flags: readonly string[]): void {
  const kept = flags.filter((flag) => rights.has(rightOf(flag)))
  const message = { flags: new Set(kept.filter((flag) => flag !== '\\Deleted')) }
  box.entries.push({ uid: box.uidNext++, message, isDeleted: kept.includes('\\Deleted') })
}

/** Within an account a copy is the same message, unless it may not have some of its flags. */
export function copy(from: Box, to: Box, rights: Set<string>, moves: boolean): void {
  for (const entry of from.entries.slice()) {
    const flags = [...entry.message.flags].filter((flag) => rights.has(rightOf(flag)))
    const isSame = from.owner === to.owner && flags.length === entry.message.flags.size
    const message = isSame ? entry.message : { flags: new Set(flags) }
    to.entries.push({ uid: to.uidNext++, message, isDeleted: entry.isDeleted && rights.has('t') })
    if (moves) from.entries.splice(from.entries.indexOf(entry), 1)
  }
}

export function store(box: Box, rights: Set<string>, how: '' | '+' | '-', flags: readonly string[]): Outcome {
  if (how === '' ? !Array.from('swt').some((right) => rights.has(right)) : !mayOne(rights, flags))
    return 'NOPERM'
  for (const entry of box.entries) {
    const { message } = entry
    const changes = (flag: string): boolean => rights.has(rightOf(flag))
    if (how === '') for (const flag of message.flags) if (changes(flag)) message.flags.delete(flag)
    if (how === '' && changes('\\Deleted')) entry.isDeleted = false
    for (const flag of flags.filter(changes)) {
      if (flag === '\\Deleted') entry.isDeleted = how !== '-'
      else if (how === '-') message.flags.delete(flag)
      else message.flags.add(flag)
    }
  }
  return 'OK'
}

const mayOne = (rights: Set<string>, flags: readonly string[]): boolean =>
  flags.length === 0 || flags.some((flag) => rights.has(rightOf(flag)))

export function expunge(box: Box): void {
  box.entries = box.entries.filter(({ isDeleted }) => !isDeleted)
}

/** `-name` is what is denied; `how` is what stands before the letters. */
export function setAcl(box: Box, identifier: string, how: '' | '+' | '-', given: readonly string[]): void {
  const isDenied = identifier.startsWith('-')
  const name = isDenied ? identifier.slice(1) : identifier
  const entry = box.given.get(name) ?? { granted: undefined, denied: new Set() }
  const start = isDenied ? entry.denied : (entry.granted ?? new Set(name === box.owner.name ? letters : ''))
  const rights = new Set(how === '' ? [] : start)
  for (const letter of given) {
    if (how === '-') rights.delete(letter)
    else rights.add(letter)
  }
  if (isDenied) entry.denied = rights
  else entry.granted = rights.size === 0 && name !== box.owner.name ? undefined : rights
  box.given.set(name, entry)
}

export function deleteAcl(box: Box, identifier: string): void {
  const entry = box.given.get(identifier.replace(/^-/, ''))
  if (entry === undefined) return
  if (identifier.startsWith('-')) entry.denied = new Set()
  else entry.granted = undefined
}

/** Pairs of name and letters in order, as GETACL lists them. */
export function acl({ owner, given }: Box): readonly string[] {
  const own = given.get(owner.name)?.granted ?? new Set(letters)
  const pairs = [`${owner.name} ${shown(owner.isGroup ? own : new Set([...own, 'l', 'a']))}`]
  for (const [name, { granted, denied }] of given) {
    if (granted !== undefined && name !== owner.name) pairs.push(`${name} ${shown(granted)}`)
    if (denied.size > 0) pairs.push(`-${name} ${shown(denied)}`)
  }
  return pairs.sort()
}

/** With `c` and `d` where one of what they stand for is there, in the order of the alphabet. */
export function shown(rights: ReadonlySet<string>): string {
  const all = new Set(rights)
  if (rights.has('k') || rights.has('x')) all.add('c')
  if (rights.has('t') || rights.has('e')) all.add('d')
  return [...all].sort().join('')
}

export function flagsOf({ message, isDeleted }: Entry): string {
  return [...message.flags, ...(isDeleted ? ['\\Deleted'] : [])].sort().join(' ')
}

/** The paths that LIST shows to somebody. */
export const visible = (user: Owner, owners: readonly Owner[]): readonly string[] =>
  owners
    .flatMap((owner) =>
      [...owner.boxes].map(([path, box]) =>
        rightsOn(user, box).has('l') ? pathFor(user, owner, path) : undefined,
      ),
    )
    .filter((path) => path !== undefined)
    .sort()

export function assertOutcome(tagged: string, expected: Outcome, context: string): void {
  const found = /^\S+ OK/.test(tagged) ? 'OK' : (/^\S+ NO (?:\[(\w+)[^\]]*\])?/.exec(tagged)?.[1] ?? tagged)
  assert.equal(found, expected, context)
}
