/**
 * Rights on a mailbox: the letters of RFC 4314 §2.1, who was given which, and what somebody may do then.
 *
 * A mailbox's row holds its grants, so that the account's lock orders them, they go with the mailbox, and
 * whoever has the row knows who may read it. Somebody's rights are all that was granted to the account, to its
 * groups and to anyone, less all that was denied to any of these (the negative rights of RFC 4314 §2). To the
 * owner everything is granted where no grant says otherwise: a user has all rights on the own mailboxes, the
 * members of a group on the group's. A user cannot lose `l` and `a` on the own ones, and so can undo anything.
 */
import type { AccountId } from '#base/id.ts'

/** A set of rights, as bits. */
export type Rights = number & { readonly brand: 'Rights' }

/** The bits on disk are positions in this text: append only. */
export const rightLetters = 'lrswipkxtea'
/** The virtual rights of RFC 4314 §2.1.1 and what each stands for. */
const virtual: ReadonlyMap<string, string> = new Map([
  ['c', 'kx'],
  ['d', 'te'],
])

/** In the order in which they are shown. */
export const shownLetters = 'lrswipkxtecda'

export const noRights = 0 as Rights
export const allRights = (2 ** rightLetters.length - 1) as Rights

/** Letters as they stand in the code, which all exist. */
export function rightsOf(letters: string): Rights {
  const rights = parseRights(letters)
  if (rights === undefined) throw new Error(`no such rights: ${letters}`)
  return rights
}

/** Letters as a client wrote them, `c` and `d` too; undefined where one is none. */
export function parseRights(letters: string): Rights | undefined {
  let rights = 0
  for (const letter of letters) {
    for (const one of virtual.get(letter) ?? letter) {
      const bit = rightLetters.indexOf(one)
      if (bit === -1) return undefined
      rights |= 1 << bit
    }
  }
  return rights as Rights
}

/** As a client reads them: with `c` and `d` where a member of either is set (RFC 4314 §2.1.1). */
export function formatRights(rights: Rights): string {
  return Array.from(shownLetters)
    .filter((letter) => hasAny(rights, rightsOf(letter)))
    .join('')
}

export const hasAll = (rights: Rights, wanted: Rights): boolean => (rights & wanted) === wanted
export const hasAny = (rights: Rights, wanted: Rights): boolean => (rights & wanted) !== 0
export const bothRights = (a: Rights, b: Rights): Rights => (a | b) as Rights
export const withoutRights = (rights: Rights, gone: Rights): Rights => (rights & ~gone) as Rights

/** What one identifier was given on a mailbox. */
export interface Grant {
  /** A user, a group or `anyone`. */
  readonly grantee: AccountId
  /** Undefined for no entry, which for the owner means all rights. */
  readonly granted: Rights | undefined
  readonly denied: Rights
}

/** Everybody who has signed in. No account ever gets this id. */
export const anyone = 0xffff_ffff as AccountId

/** Somebody who has signed in: an account, and the groups it is a member of, also by way of other groups. */
export interface Identity {
  readonly account: AccountId
  readonly groups: readonly AccountId[]
}

/** The identifiers that are somebody. */
export const granteesOf = (who: Identity): readonly AccountId[] => [who.account, ...who.groups, anyone]

const ofOwner = rightsOf('la')

export function effectiveRights(owner: AccountId, grants: readonly Grant[], who: Identity): Rights {
  const isOwner = who.account === owner
  if (isOwner && grants.length === 0) return allRights
  let granted: number = noRights
  let denied: number = noRights
  for (const grantee of granteesOf(who)) {
    const grant = grants.find((one) => one.grantee === grantee)
    granted |= grant?.granted ?? (grantee === owner ? allRights : noRights)
    denied |= grant?.denied ?? noRights
  }
  return ((granted & ~denied) | (isOwner ? ofOwner : noRights)) as Rights
}

/** Which flags of messages somebody may change (RFC 4314 §4, STORE). */
export interface FlagRights {
  readonly seen: boolean
  readonly deleted: boolean
  readonly others: boolean
}

export const allFlags: FlagRights = { seen: true, deleted: true, others: true }

export const flagRights = (rights: Rights): FlagRights => ({
  seen: hasAny(rights, rightsOf('s')),
  deleted: hasAny(rights, rightsOf('t')),
  others: hasAny(rights, rightsOf('w')),
})

export const mayChange = (may: FlagRights, keyword: string): boolean =>
  keyword === '$seen' ? may.seen : may.others

/** JMAP's `myRights` (RFC 8621 §2), and whether one may change who else has rights (RFC 9670 §4). */
export interface MailboxRights {
  readonly mayReadItems: boolean
  readonly mayAddItems: boolean
  readonly mayRemoveItems: boolean
  readonly maySetSeen: boolean
  readonly maySetKeywords: boolean
  readonly mayCreateChild: boolean
  readonly mayRename: boolean
  readonly mayDelete: boolean
  readonly maySubmit: boolean
  readonly mayShare: boolean
}

/** Of several letters all are required (RFC 8621 §2). */
export const mailboxRightLetters: Readonly<Record<keyof MailboxRights, Rights>> = {
  mayReadItems: rightsOf('lr'),
  mayAddItems: rightsOf('i'),
  mayRemoveItems: rightsOf('te'),
  maySetSeen: rightsOf('s'),
  maySetKeywords: rightsOf('w'),
  mayCreateChild: rightsOf('k'),
  mayRename: rightsOf('x'),
  mayDelete: rightsOf('x'),
  maySubmit: rightsOf('p'),
  mayShare: rightsOf('a'),
}

/** There are few different ones, and lists of mailboxes need one for each. */
const mailboxRightsOf = new Map<Rights, MailboxRights>()

export function mailboxRights(rights: Rights): MailboxRights {
  let known = mailboxRightsOf.get(rights)
  if (known === undefined) {
    known = Object.fromEntries(
      Object.entries(mailboxRightLetters).map(([name, wanted]) => [name, hasAll(rights, wanted)]),
    ) as unknown as MailboxRights
    mailboxRightsOf.set(rights, known)
  }
  return known
}
