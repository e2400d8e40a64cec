/**
 * What clients were told, and what a mailbox must therefore hold.
 *
 * The load writes a step for everything that it asks for and marks it when it is answered. From a state that
 * was verified and the steps since then follows what must be there: every answered step in full, a step that
 * was begun and not answered in full or not at all, and nothing else. An account has one IMAP session that
 * changes things, so at most one of its steps is open; deliveries come beside it.
 */

export interface MessageEntry {
  /** Names the message within its account; copies have the same. */
  readonly key: string
  deleted: boolean
}

export interface MailboxState {
  uidValidity: number
  uidNext: number
  readonly entries: Map<number, MessageEntry>
}

/** What an account holds: mailboxes by path, and the keywords of every message by key, sorted. */
export interface AccountState {
  readonly mailboxes: Map<string, MailboxState>
  readonly keywords: Map<string, readonly string[]>
}

export type Pairs = readonly (readonly [from: number, to: number])[]

export type Action =
  | { readonly kind: 'deliver'; readonly key: string }
  /** UIDs of the Inbox were seen with their keys. */
  | { readonly kind: 'learn'; found: readonly (readonly [uid: number, key: string])[] }
  | {
      readonly kind: 'append'
      readonly mailbox: string
      readonly key: string
      readonly flags: readonly string[]
      uid?: number
    }
  | {
      readonly kind: 'store'
      readonly mailbox: string
      readonly uids: readonly number[]
      readonly how: '+' | '-' | ''
      readonly flags: readonly string[]
    }
  | {
      readonly kind: 'copy' | 'move'
      readonly mailbox: string
      readonly uids: readonly number[]
      readonly to: string
      pairs?: Pairs
    }
  /** Everything that is marked \Deleted. */
  | { readonly kind: 'expunge'; readonly mailbox: string }

export type ActionOf<K extends Action['kind']> = Extract<Action, { kind: K }>

export interface Step {
  readonly account: string
  readonly action: Action
  /** What the server's answer contains and no other does. */
  token: string | undefined
  answered: boolean
  /** By the clock of this process. */
  answeredAt?: number
}

export const inbox = 'INBOX'

export interface Expected {
  readonly state: AccountState
  /** Entries whose UID nobody was told, by mailbox. */
  readonly unnumbered: Map<string, MessageEntry[]>
  /** Keys that were delivered to the Inbox and not yet seen there. */
  readonly arrived: ReadonlySet<string>
  /** Keys of deliveries that were not answered. */
  readonly perhaps: ReadonlySet<string>
  /** Every UID that was ever given out, with the key it stood for. */
  readonly used: ReadonlyMap<string, ReadonlyMap<number, string>>
  /** Sentences about UIDs that clients were told twice, for two messages. */
  readonly reused: readonly string[]
}

export function copyState(state: AccountState): AccountState {
  return {
    keywords: new Map(state.keywords),
    mailboxes: new Map(
      [...state.mailboxes].map(([path, { entries, ...rest }]) => [
        path,
        { ...rest, entries: new Map([...entries].map(([uid, entry]) => [uid, { ...entry }])) },
      ]),
    ),
  }
}

/** UIDs ever seen, by account and mailbox; grows over all rounds. */
export type UsedUids = Map<string, Map<number, string>>

/** The key that the UID stood for first. */
export function note(used: UsedUids, mailbox: string, uid: number, key: string): string {
  let uids = used.get(mailbox)
  if (uids === undefined) used.set(mailbox, (uids = new Map()))
  if (!uids.has(uid)) uids.set(uid, key)
  return uids.get(uid)!
}

/**
 * What the account may hold now: one state, or two where a step is open. `answered` says which steps were,
 * `base` is what it held before the first of them.
 */
export function expectedStates(
  base: AccountState,
  steps: readonly Step[],
  usedBefore: UsedUids,
  answered: (step: Step) => boolean,
): readonly Expected[] {
  const used: UsedUids = new Map([...usedBefore].map(([path, uids]) => [path, new Map(uids)]))
  const arrived = new Set<string>()
  const perhaps = new Set<string>()
  for (const step of steps)
    if (step.action.kind === 'deliver') (answered(step) ? arrived : perhaps).add(step.action.key)
  const state = copyState(base)
  const reused: string[] = []
  let open: Action | undefined
  for (const step of steps) {
    const { action } = step
    if (action.kind === 'deliver') continue
    if (!answered(step)) {
      open = action
      break
    }
    if (action.kind === 'learn') {
      for (const [, key] of action.found) {
        arrived.delete(key)
        perhaps.delete(key)
      }
    }
    apply(state, new Map(), action, (path, uid, key) => {
      const before = note(used, path, uid, key)
      if (before !== key) reused.push(`${path}: UID ${uid} was ${before} and was told for ${key} too`)
    })
  }
  const sure: Expected = { state, unnumbered: new Map(), arrived, perhaps, used, reused }
  if (open === undefined || open.kind === 'learn') return [sure]
  const after: Expected = { ...sure, state: copyState(state), unnumbered: new Map() }
  // Only what was answered has UIDs that the client knows.
  const { pairs: _, uid: __, ...blind } = open as { pairs?: unknown; uid?: unknown } & Action
  apply(after.state, after.unnumbered, blind)
  return [sure, after]
}

/** What an answered step does to a state, whose mailboxes must be there. */
export const applyAnswered = (state: AccountState, action: Action): void => apply(state, new Map(), action)

function apply(
  state: AccountState,
  unnumbered: Map<string, MessageEntry[]>,
  action: Action,
  numbered?: (path: string, uid: number, key: string) => void,
): void {
  const put = (path: string, uid: number | undefined, entry: MessageEntry): void => {
    if (uid === undefined) unnumbered.set(path, [...(unnumbered.get(path) ?? []), entry])
    else {
      state.mailboxes.get(path)!.entries.set(uid, entry)
      numbered?.(path, uid, entry.key)
    }
  }
  switch (action.kind) {
    case 'deliver':
      return
    case 'learn':
      for (const [uid, key] of action.found) {
        put(inbox, uid, { key, deleted: false })
        state.keywords.set(key, [])
      }
      return
    case 'append':
      put(action.mailbox, action.uid, { key: action.key, deleted: action.flags.includes('\\Deleted') })
      state.keywords.set(action.key, keywordsAmong(action.flags))
      return
    case 'store':
      return applyStore(state, action)
    case 'copy':
    case 'move': {
      const targets = action.pairs === undefined ? undefined : new Map(action.pairs)
      const from = state.mailboxes.get(action.mailbox)!.entries
      for (const uid of action.uids) {
        const entry = from.get(uid)!
        put(action.to, targets?.get(uid), { ...entry })
        if (action.kind === 'move') from.delete(uid)
      }
      return
    }
    case 'expunge': {
      const { entries } = state.mailboxes.get(action.mailbox)!
      for (const [uid, { deleted }] of entries) if (deleted) entries.delete(uid)
    }
  }
}

function applyStore(state: AccountState, action: ActionOf<'store'>): void {
  const deleted = action.flags.includes('\\Deleted')
  const keywords = keywordsAmong(action.flags)
  for (const uid of action.uids) {
    const entry = state.mailboxes.get(action.mailbox)!.entries.get(uid)!
    const before = state.keywords.get(entry.key) ?? []
    if (action.how === '') {
      entry.deleted = deleted
      state.keywords.set(entry.key, keywords)
    } else {
      if (deleted) entry.deleted = action.how === '+'
      const others = before.filter((word) => !keywords.includes(word))
      state.keywords.set(entry.key, (action.how === '+' ? [...others, ...keywords] : others).toSorted())
    }
  }
}

/** As they are compared: without what belongs to the entry, sorted. */
export const keywordsAmong = (flags: readonly string[]): readonly string[] =>
  flags.filter((flag) => flag !== '\\Deleted' && flag !== '\\Recent').toSorted()
