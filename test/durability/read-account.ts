/**
 * An account as its owner sees it over IMAP: every mailbox with its entries, and sentences about everything
 * that is wrong with it without knowing what should be there: damaged bytes, counters that are no recount.
 */
import { ImapClient, type ImapAnswer } from './client.ts'
import { type AccountState, keywordsAmong, type MailboxState, type MessageEntry } from './ledger.ts'
import { password } from './load.ts'
import { damageOf, keyOf } from './messages.ts'

export const loadMailboxes = ['INBOX', 'Archive', 'Sent', 'Trash'] as const

export interface AccountReading {
  readonly state: AccountState
  readonly wrong: readonly string[]
}

/** Only messages that are not in `known` are read whole. */
export async function readAccount(
  imapPort: number,
  name: string,
  known?: AccountState,
): Promise<AccountReading> {
  const client = await ImapClient.open(imapPort, { user: name, password, tagPrefix: 'v' })
  const wrong: string[] = []
  const state: AccountState = { mailboxes: new Map(), keywords: new Map() }
  for (const path of loadMailboxes) {
    const knownUids = new Set(known?.mailboxes.get(path)?.entries.keys() ?? [])
    const say = (sentence: string): number => wrong.push(`${name} ${path}: ${sentence}`)
    state.mailboxes.set(path, await readMailbox(client, path, knownUids, state.keywords, say))
  }
  client.close()
  return { state, wrong }
}

type Keywords = Map<string, readonly string[]>

async function readMailbox(
  client: ImapClient,
  path: string,
  known: ReadonlySet<number>,
  keywords: Keywords,
  say: (sentence: string) => void,
): Promise<MailboxState> {
  const names = 'MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE'
  const counters = readStatus(await client.command(`STATUS ${path} (${names})`))
  await client.command(`EXAMINE ${path}`)
  const headers = await client.command(
    'UID FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-LOAD)])',
  )
  const entries = new Map<number, MessageEntry>()
  const recount = { MESSAGES: 0, UNSEEN: 0, DELETED: 0, SIZE: 0 }
  const unread: number[] = []
  let last = 0
  for (const { text, literals } of headers.untagged) {
    const uid = Number(/\bUID (\d+)/.exec(text)?.[1])
    if (literals.length === 0) continue
    const flags = (/FLAGS \(([^)]*)\)/.exec(text)?.[1] ?? '').split(' ').filter((flag) => flag !== '')
    const key = keyOf(literals[0]!)
    if (key === undefined) say(`UID ${uid} is no message of this test`)
    if (uid <= last) say(`UID ${uid} comes after ${last}`)
    last = uid
    recount.MESSAGES++
    recount.SIZE += Number(/RFC822\.SIZE (\d+)/.exec(text)?.[1])
    if (!flags.includes('\\Seen')) recount.UNSEEN++
    const deleted = flags.includes('\\Deleted')
    if (deleted) recount.DELETED++
    entries.set(uid, { key: key ?? '', deleted })
    const words = keywordsAmong(flags)
    const others = keywords.get(key ?? '')
    if (others !== undefined && others.join() !== words.join()) say(`${key} has other flags elsewhere`)
    keywords.set(key ?? '', words)
    if (!known.has(uid)) unread.push(uid)
  }
  for (const [what, count] of Object.entries(recount))
    if (counters[what] !== count) say(`STATUS says ${what} ${counters[what]}, a recount ${count}`)
  await readWhole(client, unread, entries, say)
  return { uidValidity: counters['UIDVALIDITY']!, uidNext: counters['UIDNEXT']!, entries }
}

async function readWhole(
  client: ImapClient,
  uids: readonly number[],
  entries: ReadonlyMap<number, MessageEntry>,
  say: (sentence: string) => void,
): Promise<void> {
  for (let at = 0; at < uids.length; at += 100) {
    const answer = await client.command(`UID FETCH ${uids.slice(at, at + 100).join(',')} (UID BODY.PEEK[])`)
    if (answer.status !== 'OK') say(`messages cannot be read: ${answer.status} ${answer.text}`)
    for (const { text, literals } of answer.untagged) {
      const uid = Number(/\bUID (\d+)/.exec(text)?.[1])
      const bytes = literals[0]
      if (bytes === undefined) continue
      const damage = damageOf(entries.get(uid)!.key, bytes)
      if (damage !== undefined) say(`UID ${uid} (${entries.get(uid)!.key}): ${damage}`)
    }
  }
}

function readStatus({ untagged, status, text }: ImapAnswer): Record<string, number> {
  const said = untagged.find((response) => response.text.startsWith('* STATUS'))
  if (said === undefined) throw new Error(`STATUS was answered ${status} ${text}`)
  const counters: Record<string, number> = {}
  for (const [, name, value] of said.text.slice(said.text.lastIndexOf('(')).matchAll(/([A-Z]+) (\d+)/g))
    counters[name!] = Number(value)
  return counters
}
