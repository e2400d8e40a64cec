/** The flags of a mailbox, and which of them its user may change for good (RFC 9051 §7.3.5, RFC 4314 §5.1.1). */
import { imapFlag } from '#mail/flag-set.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { FlagRights } from '#mail/rights.ts'
import type { ImapSession } from '../session/session.ts'

const systemFlags = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft']
/** More keywords than a client can make use of are left out of FLAGS. */
const maxKeywords = 256

export function writeFlags(
  session: ImapSession,
  now: MailboxView,
  { isReadOnly, may }: { isReadOnly: boolean; may: FlagRights },
): void {
  const flags = [...systemFlags, ...keywordsOf(now)]
  session.untagged(`FLAGS (${flags.join(' ')})`)
  const permanent = isReadOnly ? [] : flags.filter((flag) => mayKeep(may, flag))
  if (!isReadOnly && may.others) permanent.push('\\*')
  const text = permanent.length === 0 ? 'Read-only' : 'Flags permitted'
  session.untagged(`OK [PERMANENTFLAGS (${permanent.join(' ')})] ${text}`)
}

function mayKeep(may: FlagRights, flag: string): boolean {
  if (flag === '\\Seen') return may.seen
  return flag === '\\Deleted' ? may.deleted : may.others
}

/** Keywords that messages of the mailbox have, as IMAP spells them. */
function keywordsOf(now: MailboxView): readonly string[] {
  const found = new Set<string>()
  for (const { keywords } of now.flagSetsInUse()) {
    for (const keyword of keywords) {
      const flag = imapFlag(keyword)
      if (!flag.startsWith('\\') && found.size < maxKeywords) found.add(flag)
    }
  }
  return [...found].sort()
}
