/**
 * What a client wants to be told of, as it says in NOTIFY SET (RFC 5465 §6 and §8): groups of events, each for some
 * mailboxes, and for the selected mailbox what holds instead.
 */
import { Refusal } from '../errors.ts'
import { type FetchItem, readFetchItems } from '../fetch/fetch-items.ts'
import type { SelectedEvents } from '../session/notify.ts'
import type { Arguments } from '../wire/grammar.ts'
import { ancestorsOf } from '../mailbox/list-candidates.ts'
import { decodeName, delimiter, parentPath } from '../namespace/mailbox-name.ts'
import { filterKinds, type MailboxFilter, readMailboxFilter } from '../mailbox/mailbox-filter.ts'
import { locate, type NamespaceNames } from '../namespace/namespaces.ts'

const messageEvents = ['MessageNew', 'MessageExpunge', 'FlagChange'] as const
/** Those that can be asked for. There is no AnnotationChange, since messages have no annotations. */
export const eventNames = [
  ...messageEvents,
  'MailboxName',
  'SubscriptionChange',
  'MailboxMetadataChange',
  'ServerMetadataChange',
] as const
export type EventName = (typeof eventNames)[number]
export type Events = ReadonlySet<EventName>

const byWord: ReadonlyMap<string, EventName> = new Map(eventNames.map((name) => [name.toUpperCase(), name]))
const isMessageEvent = (name: EventName): boolean => messageEvents.some((one) => one === name)
const noEvents: Events = new Set()

interface Group {
  readonly filter: MailboxFilter
  readonly events: Events
}

export interface NotifySet {
  /** Undefined where its messages are not to be told of. */
  readonly selected: SelectedEvents | undefined
  readonly groups: readonly Group[]
  /** Something else was asked for too. */
  readonly hasUnknown: boolean
}

export const notifyNone: NotifySet = { selected: undefined, groups: [], hasUnknown: false }

/** `(personal (MessageNew MessageExpunge)) (selected NONE)`: at most so many groups. */
export function readEventGroups(args: Arguments, most: number): NotifySet {
  let selected: { readonly events: SelectedEvents | undefined } | undefined
  const groups: Group[] = []
  let hasUnknown = false
  do {
    args.open()
    const filter = readMailboxFilter(args, [...filterKinds, 'selected', 'selected-delayed'])
    args.sp()
    const isSelected = filter.kind.startsWith('selected')
    const { events, fetch, isUnknown } = readEvents(args, isSelected)
    hasUnknown ||= isUnknown
    if (isSelected) {
      // RFC 5465 §6.1
      if (selected !== undefined) args.fail('the selected mailbox twice')
      const flags = events.has('FlagChange')
      const isDelayed = filter.kind === 'selected-delayed'
      selected = { events: events.size === 0 ? undefined : { isDelayed, flags, fetch } }
    } else groups.push({ filter, events })
    args.close()
    if (groups.length > most) throw new Refusal('Too many groups of events', 'NOTIFICATIONOVERFLOW')
  } while (args.take(0x20))
  return { selected: selected?.events, groups, hasUnknown }
}

interface ReadEvents {
  readonly events: Events
  readonly fetch: readonly FetchItem[]
  readonly isUnknown: boolean
}

/** In parentheses; also without them, as in an example of RFC 5465 §3.1. */
function readEvents(args: Arguments, isSelected: boolean): ReadEvents {
  const events = new Set<EventName>()
  if (args.takeWord('none')) return { events, fetch: [], isUnknown: false }
  let fetch: readonly FetchItem[] = []
  let isUnknown = false
  let needsBoth = false
  const isList = args.takeOpen()
  do {
    const word = args.word()
    const name = byWord.get(word)
    needsBoth ||= word === 'ANNOTATIONCHANGE' || (name !== undefined && isMessageEvent(name))
    if (name === undefined) isUnknown = true
    else events.add(name)
    if (isSelected && name !== undefined && !isMessageEvent(name))
      args.fail('only events of messages are told of the selected mailbox')
    if (name === 'MessageNew' && args.takeWord(' (')) {
      if (!isSelected) args.fail('items are told of the selected mailbox only')
      args.at--
      fetch = readFetchItems(args)
    }
  } while (args.take(0x20))
  if (isList) args.close()
  // RFC 5465 §5
  if (needsBoth && !(events.has('MessageNew') && events.has('MessageExpunge')))
    args.fail('MessageNew and MessageExpunge go together, and with all other events of messages')
  return { events, fetch, isUnknown }
}

interface Matched {
  readonly kind: string
  readonly paths: ReadonlySet<string>
  readonly events: Events
}

/** The groups for mailboxes other than the selected one. Work for a path follows its depth, not the names given. */
export class EventGroups {
  readonly #groups: readonly Matched[]
  /** The levels above them. */
  readonly #above: ReadonlySet<string>
  /** All paths that were given. */
  readonly named: ReadonlySet<string>

  constructor(groups: readonly Group[], isUtf8: boolean) {
    // RFC 5465 §3.1: what no mailbox can be called is ignored like any that does not exist.
    const pathsOf = (filter: MailboxFilter): ReadonlySet<string> =>
      new Set(filter.names.map((name) => decodeName(name, isUtf8)).filter((path) => path !== undefined))
    this.#groups = groups.map(({ filter, events }) => ({ kind: filter.kind, paths: pathsOf(filter), events }))
    this.named = new Set(this.#groups.flatMap(({ paths }) => [...paths]))
    this.#above = ancestorsOf(this.named)
  }

  /** Whether any group asks for it. */
  ask(event: EventName): boolean {
    return this.#groups.some(({ events }) => events.has(event))
  }

  /** Whether mailboxes of others may be meant. */
  mayBeForeign(names: NamespaceNames): boolean {
    return (
      this.#groups.some(({ kind }) => kind === 'subscribed') ||
      [...this.named].some((path) => locate(path, names).space !== 'own')
    )
  }

  /** Whether a path with this beginning, which ends with the delimiter, may be meant. */
  mayMatch(prefix: string): boolean {
    const root = prefix.slice(0, -delimiter.length)
    if (this.#above.has(root)) return true
    return this.#groups.some(({ kind, paths }) => {
      if (kind === 'subscribed') return true
      return kind === 'subtree' && (paths.has(root) || hasAbove(paths, root))
    })
  }

  /** What is told of a mailbox: what any of the groups says, or nothing where one says NONE. */
  eventsOf(path: string, o: { isOwn: boolean; isSubscribed: boolean }): Events {
    let found: Set<EventName> | undefined
    for (const group of this.#groups) {
      if (!isMeant(group, path, o)) continue
      if (group.events.size === 0) return noEvents
      found ??= new Set()
      for (const event of group.events) found.add(event)
    }
    return found ?? noEvents
  }
}

function isMeant(
  { kind, paths }: Matched,
  path: string,
  o: { isOwn: boolean; isSubscribed: boolean },
): boolean {
  // RFC 5465 §6.3: a rule of the user may deliver into any of the own ones.
  if (kind === 'personal' || kind === 'inboxes') return o.isOwn
  if (kind === 'subscribed') return o.isSubscribed
  if (paths.has(path)) return true
  return kind === 'subtree' && hasAbove(paths, path)
}

function hasAbove(paths: ReadonlySet<string>, path: string): boolean {
  for (let above = parentPath(path); above !== undefined; above = parentPath(above))
    if (paths.has(above)) return true
  return false
}
