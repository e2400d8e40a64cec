/**
 * Annotations of mailboxes and of the server (RFC 5464): values under names that begin with `/shared`, which all
 * see who may, or with `/private`, which only their author sees.
 *
 * Shared ones lie with the mailbox's owner and go with the mailbox; private ones lie with their author. What must
 * always hold: an account never has more of them than the limits say. Whether somebody may read or write is the
 * caller's matter.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import { lookByMark, putMark } from '#kv/mark.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Place } from './mailbox-row.ts'
import {
  mailboxTable,
  privateAnnotationTable,
  serverAnnotationTable,
  sharedAnnotationTable,
} from './tables.ts'

/** A mailbox, or the server, as somebody sees it. */
export interface Annotated {
  readonly reader: AccountId
  /** Undefined for the server. */
  readonly place: Place | undefined
}

/** Below a name: nothing, one level, or all. */
export type Depth = 0 | 1 | 'infinity'

export interface AnnotationLimits {
  /** Of one mailbox or the server, shared and private ones each. */
  readonly entries: number
  readonly valueBytes: number
  /** Names and values that lie with one account. */
  readonly totalBytes: number
}

type Scope = 'shared' | 'private'
type Named = readonly [name: string, value: Uint8Array]

type SharedRow = readonly [readonly [AccountId, MailboxId, string], Uint8Array]
type PrivateRow = readonly [readonly [AccountId, AccountId, MailboxId, string], Uint8Array]

/** The server, where an owner and a mailbox stand otherwise. */
const ofServer = [0 as AccountId, 0 as MailboxId] as const
const serverMark = 'annotations of the server'
const scopes: readonly Scope[] = ['shared', 'private']

/** Below this name lie private annotations: everything else is shared. */
export const isPrivate = (name: string): boolean => name === '/private' || name.startsWith('/private/')
const scopeOf = (name: string): Scope => (isPrivate(name) ? 'private' : 'shared')
/** What stands in the key: the name behind `/shared` or `/private`. */
const restOf = (name: string): string => name.slice(scopeOf(name).length + 1)

/** Those of these names that have a value and, by the depth, those below them, each once in the order of names. */
export async function readAnnotations(
  tx: ReadTx,
  at: Annotated,
  names: readonly string[],
  depth: Depth,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  if (depth === 0) {
    for (const name of names) {
      const value = await getOne(tx, at, name)
      if (value !== undefined) found.set(name, value)
    }
    return found
  }
  for (const scope of scopes) {
    const asked = names.filter((name) => scopeOf(name) === scope)
    if (asked.length === 0) continue
    for (const [name, value] of await listScope(tx, at, scope))
      if (asked.some((above) => lies(name, above, depth))) found.set(name, value)
  }
  return found
}

/** Whether a name is another or lies below it, not too deep. */
function lies(name: string, above: string, depth: Depth): boolean {
  if (name === above) return true
  if (!name.startsWith(`${above}/`)) return false
  return depth !== 1 || !name.includes('/', above.length + 1)
}

/**
 * Sets values, or removes those that are undefined: all or, where it throws, none. Both accounts must be locked.
 * Throws Fault 'tooLarge' (a value) and 'overQuota' (too many, or too much in all).
 */
export async function writeAnnotations(
  tx: WriteTx,
  at: Annotated,
  changes: ReadonlyMap<string, Uint8Array | undefined>,
  limits: AnnotationLimits,
): Promise<void> {
  for (const value of changes.values())
    if (value !== undefined && value.length > limits.valueBytes)
      throw new Fault('tooLarge', 'annotation too large', { limit: limits.valueBytes })
  for (const scope of scopes) {
    const ofScope = [...changes].filter(([name]) => scopeOf(name) === scope)
    if (ofScope.length === 0) continue
    if (ofScope.some(([, value]) => value !== undefined)) {
      // The server's shared ones are of no account.
      if (at.place === undefined && scope === 'shared') {
        await lookByMark(tx, serverMark)
        putMark(tx, serverMark)
      }
      await assertRoom(tx, at, scope, ofScope, limits)
    }
    for (const [name, value] of ofScope) putOne(tx, at, name, value)
  }
  if (at.place === undefined) tx.changed(at.reader, 'Annotation', 0, 'updated')
  else await raiseModseq(tx, at.place)
}

/** RFC 7162 §3.2: a change of an annotation is one of the mailbox, whoever can see it. */
async function raiseModseq(tx: WriteTx, { account, mailbox }: Place): Promise<void> {
  const row = await tx.get(mailboxTable, account, mailbox)
  if (row === undefined) return
  tx.put(mailboxTable, [account, mailbox], { ...row, highestModseq: tx.modseq(account) })
  tx.changed(account, 'Mailbox', mailbox, 'counts')
}

/** A mailbox is deleted: what others keep about it is of no more use, and goes when they need the room. */
export async function deleteAnnotations(tx: WriteTx, { account, mailbox }: Place): Promise<void> {
  for (const [key] of await tx.list(sharedAnnotationTable, [account, mailbox]))
    tx.delete(sharedAnnotationTable, key)
  for (const [key] of await tx.list(privateAnnotationTable, [account, account, mailbox]))
    tx.delete(privateAnnotationTable, key)
}

/**
 * The Inbox is renamed: it keeps its annotations, and the new mailbox has them too (RFC 5464 §4.1), but where the
 * account has no room for them.
 */
export async function copyAnnotations(
  tx: WriteTx,
  from: Place,
  to: MailboxId,
  { totalBytes: limit }: AnnotationLimits,
): Promise<void> {
  const { account, mailbox } = from
  const shared = await tx.list(sharedAnnotationTable, [account, mailbox])
  const own = await tx.list(privateAnnotationTable, [account, account, mailbox])
  const all = [...shared.map(sharedNamed), ...own.map(privateNamed)]
  if ((await totalBytes(tx, account)) + sizeOf(all) > limit) return
  for (const [name, value] of all)
    putOne(tx, { reader: account, place: { account, mailbox: to } }, name, value)
}

function getOne(tx: ReadTx, { reader, place }: Annotated, name: string): Maybe<Uint8Array | undefined> {
  const rest = restOf(name)
  if (isPrivate(name)) return tx.get(privateAnnotationTable, reader, ...keyOf(place), rest)
  return place === undefined
    ? tx.get(serverAnnotationTable, rest)
    : tx.get(sharedAnnotationTable, place.account, place.mailbox, rest)
}

function putOne(
  tx: WriteTx,
  { reader, place }: Annotated,
  name: string,
  value: Uint8Array | undefined,
): void {
  const rest = restOf(name)
  const put = <K extends readonly unknown[]>(
    table: Parameters<typeof tx.put<K, Uint8Array>>[0],
    key: K,
  ): void => (value === undefined ? tx.delete(table, key) : tx.put(table, key, value))
  if (isPrivate(name)) put(privateAnnotationTable, [reader, ...keyOf(place), rest])
  else if (place === undefined) put(serverAnnotationTable, [rest])
  else put(sharedAnnotationTable, [place.account, place.mailbox, rest])
}

const keyOf = (place: Place | undefined): readonly [AccountId, MailboxId] =>
  place === undefined ? ofServer : [place.account, place.mailbox]

async function listScope(tx: ReadTx, { reader, place }: Annotated, scope: Scope): Promise<readonly Named[]> {
  if (scope === 'private') {
    return (await tx.list(privateAnnotationTable, [reader, ...keyOf(place)])).map(privateNamed)
  }
  if (place === undefined) {
    const rows = await tx.list(serverAnnotationTable, [])
    return rows.map(([[rest], value]) => [`/shared${rest}`, value])
  }
  return (await tx.list(sharedAnnotationTable, [place.account, place.mailbox])).map(sharedNamed)
}

const sharedNamed = ([[, , rest], value]: SharedRow): Named => [`/shared${rest}`, value]
const privateNamed = ([[, , , rest], value]: PrivateRow): Named => [`/private${rest}`, value]

async function assertRoom(
  tx: WriteTx,
  at: Annotated,
  scope: Scope,
  changes: readonly (readonly [string, Uint8Array | undefined])[],
  limits: AnnotationLimits,
): Promise<void> {
  const before = new Map(await listScope(tx, at, scope))
  const after = new Map(before)
  for (const [name, value] of changes) {
    if (value === undefined) after.delete(name)
    else after.set(name, value)
  }
  // Where a limit was lowered, what there is can be changed.
  if (after.size > Math.max(limits.entries, before.size))
    throw new Fault('overQuota', 'too many annotations', { limit: limits.entries })
  const grows = sizeOf(after) - sizeOf(before)
  const owner = scope === 'private' ? at.reader : at.place?.account
  if (owner === undefined || grows <= 0) return
  const over = async (): Promise<boolean> => (await totalBytes(tx, owner)) + grows > limits.totalBytes
  if (!(await over())) return
  await dropLost(tx, owner)
  if (await over())
    throw new Fault('overQuota', 'annotations take too much room', { limit: limits.totalBytes })
}

const sizeOf = (all: Iterable<Named>): number => {
  let bytes = 0
  for (const [name, value] of all) bytes += name.length + value.length
  return bytes
}

async function totalBytes(tx: ReadTx, account: AccountId): Promise<number> {
  const shared = await tx.list(sharedAnnotationTable, [account])
  const own = await tx.list(privateAnnotationTable, [account])
  return sizeOf(shared.map(sharedNamed)) + sizeOf(own.map(privateNamed))
}

/** Removes private annotations of mailboxes of others that are gone. */
async function dropLost(tx: WriteTx, account: AccountId): Promise<void> {
  for (const [key] of await tx.list(privateAnnotationTable, [account])) {
    const [, owner, mailbox] = key
    if (owner === ofServer[0] || owner === account) continue
    if ((await tx.get(mailboxTable, owner, mailbox)) === undefined) tx.delete(privateAnnotationTable, key)
  }
}
