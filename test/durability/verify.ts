/** Compares what an account holds with what it may hold, and says every difference in a sentence. */
import {
  type AccountState,
  type Expected,
  inbox,
  type MailboxState,
  type MessageEntry,
  type UsedUids,
  note,
} from './ledger.ts'

/** Sentences about the differences; none where one of the expected states is there. */
export function differences(expected: readonly Expected[], actual: AccountState): readonly string[] {
  const found = expected.map((one) => compare(one, actual))
  return found.find((sentences) => sentences.length === 0) ?? found[0]!
}

function compare(expected: Expected, actual: AccountState): readonly string[] {
  const wrong = [...expected.reused]
  for (const [path, before] of expected.state.mailboxes) {
    const now = actual.mailboxes.get(path)
    if (now === undefined) wrong.push(`${path}: the mailbox is gone`)
    else compareMailbox(expected, path, before, now, (sentence) => wrong.push(`${path}: ${sentence}`))
  }
  const present = new Set<string>()
  for (const { entries } of actual.mailboxes.values())
    for (const { key } of entries.values()) present.add(key)
  for (const key of present) {
    const wanted = (expected.state.keywords.get(key) ?? []).join(' ')
    const found = (actual.keywords.get(key) ?? []).join(' ')
    if (wanted !== found) wrong.push(`${key} has the flags (${found}) and should have (${wanted})`)
  }
  return wrong
}

function compareMailbox(
  expected: Expected,
  path: string,
  before: MailboxState,
  now: MailboxState,
  say: (sentence: string) => void,
): void {
  if (now.uidValidity !== before.uidValidity)
    say(`UIDVALIDITY went from ${before.uidValidity} to ${now.uidValidity}`)
  const left = new Map(now.entries)
  for (const [uid, entry] of before.entries) {
    const found = left.get(uid)
    left.delete(uid)
    if (found === undefined) say(`UID ${uid} (${entry.key}) is lost`)
    else if (found.key !== entry.key) say(`UID ${uid} is ${found.key} and was ${entry.key}`)
    else if (found.deleted !== entry.deleted) say(`UID ${uid} (${entry.key}): \\Deleted is ${found.deleted}`)
  }
  const wanted = [...(expected.unnumbered.get(path) ?? [])]
  const arrived = new Set(path === inbox ? expected.arrived : [])
  const perhaps = new Set(path === inbox ? expected.perhaps : [])
  for (const [uid, entry] of left) {
    if (uid < before.uidNext) say(`UID ${uid} (${entry.key}) is new and below UIDNEXT ${before.uidNext}`)
    if (!takeFrom(wanted, entry) && !arrived.delete(entry.key) && !perhaps.delete(entry.key))
      say(`UID ${uid} (${entry.key}) should not be there, or not twice`)
  }
  for (const { key } of wanted) say(`${key} is lost`)
  for (const key of arrived) say(`${key} was acknowledged and is lost`)
  compareUids(expected, path, now, say)
}

function takeFrom(wanted: MessageEntry[], entry: MessageEntry): boolean {
  const at = wanted.findIndex(({ key, deleted }) => key === entry.key && deleted === entry.deleted)
  if (at >= 0) wanted.splice(at, 1)
  return at >= 0
}

function compareUids(
  { used }: Expected,
  path: string,
  { uidNext, entries }: MailboxState,
  say: (sentence: string) => void,
): void {
  const known = used.get(path) ?? new Map<number, string>()
  let highest = 0
  for (const uid of known.keys()) highest = Math.max(highest, uid)
  for (const [uid, { key }] of entries) {
    highest = Math.max(highest, uid)
    const before = known.get(uid)
    if (before !== undefined && before !== key) say(`UID ${uid} was ${before} and is used again for ${key}`)
  }
  if (uidNext <= highest) say(`UIDNEXT is ${uidNext} and UID ${highest} was given out`)
}

/** Takes the UIDs that are there into those that may never be used again. */
export function noteAll(used: UsedUids, state: AccountState): void {
  for (const [path, { entries }] of state.mailboxes)
    for (const [uid, { key }] of entries) note(used, path, uid, key)
}
