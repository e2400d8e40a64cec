/** SETMETADATA: changes annotations of a mailbox or, where that is the empty string, of the server; all or none. */
import { Fault, SyntaxFault } from '#base/fault.ts'
import type { WriteTx } from '#kv/tx.ts'
import { isPrivate, writeAnnotations } from '#mail/annotation.ts'
import { inboxId, listMailboxes, updateMailbox } from '#mail/mailbox.ts'
import type { MailboxRole } from '#mail/mailbox-row.ts'
import {
  adminEntry,
  annotated,
  annotationLimits,
  assertInUse,
  openSubject,
  readEntry,
  type Subject,
  useEntry,
} from '../mailbox/annotations.ts'
import { command, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import { type Arguments, utf8Of } from '../wire/grammar.ts'
import { type MailboxRef, placeOf } from '../namespace/mailbox-ref.ts'
import { isFilterEntry, readFilter } from '../search/search-filters.ts'
import type { ImapSession } from '../session/session.ts'
import { signedIn } from '../session/session-state.ts'
import { assertUseFree, notYourUse, roleOfUses } from '../mailbox/special-use.ts'

type Values = ReadonlyMap<string, Uint8Array | undefined>

export const setmetadata = command<{ readonly name: Uint8Array; readonly values: Values }>({
  name: 'SETMETADATA',
  states: signedIn,
  standard: 'RFC 5464 §4.3',
  parse: whole((args: Arguments) => {
    args.sp()
    const name = args.astring()
    args.sp()
    return { name, values: readValues(args) }
  }),
  async run(session, { name, values }) {
    const writesShared = [...values.keys()].some((entry) => !isPrivate(entry))
    const writesUse = values.has(useEntry)
    const subject = await openSubject(session, name, { writesShared, writesUse })
    if (subject?.isOwn === false && writesUse) throw notYourUse()
    if (subject === undefined && values.has(adminEntry))
      throw new Refusal(`${adminEntry} is what the settings say`, 'CANNOT')
    if (subject === undefined) assertFilters(values)
    try {
      await write(session, subject, values)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      throw refusalFor(error, session)
    }
  },
})

/** The last counts where an entry is named twice. */
function readValues(args: Arguments): Values {
  const values = new Map<string, Uint8Array | undefined>()
  args.open()
  do {
    const name = readEntry(args)
    args.sp()
    values.set(name, args.nstring8())
  } while (args.take(0x20))
  args.close()
  return values
}

/** RFC 5466 §3.2 */
function assertFilters(values: Values): void {
  for (const [entry, value] of values) {
    if (value === undefined || !isFilterEntry(entry)) continue
    try {
      readFilter(value)
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      throw new Refusal(`${entry} is no search: ${error.message}`, 'CANNOT')
    }
  }
}

async function write(session: ImapSession, subject: Subject, values: Values): Promise<void> {
  const { mailboxes } = session
  const at = annotated(session, subject)
  const limits = annotationLimits(session)
  if (subject === undefined) {
    await mailboxes.writeOwn((tx) => writeAnnotations(tx, at, values, limits))
    return
  }
  const kept = new Map(values)
  const writesUse = kept.delete(useEntry)
  const role = roleOfUses(usesIn(values.get(useEntry)))
  await mailboxes.write(
    [subject],
    async (tx, [rights]) => {
      assertInUse(rights!)
      if (writesUse) await setRole(tx, subject, role)
      await writeAnnotations(tx, at, kept, limits)
    },
    { writesOwn: true },
  )
}

/** RFC 6154 §4: separated by spaces, as LIST has them. */
const usesIn = (value: Uint8Array | undefined): readonly string[] =>
  (utf8Of(value ?? new Uint8Array()) ?? '?').split(' ').filter((use) => use !== '')

/** RFC 6154 §4: what CREATE would refuse is refused here. */
async function setRole(tx: WriteTx, ref: MailboxRef, role: MailboxRole | undefined): Promise<void> {
  const { account, mailbox } = placeOf(ref)
  if (mailbox === inboxId) {
    if (role !== undefined) throw new Refusal('The Inbox stays what it is', 'USEATTR')
    return
  }
  assertUseFree(await listMailboxes(tx, account), role, mailbox)
  await updateMailbox(tx, account, mailbox, { role: role ?? null })
}

/** RFC 5464 §4.3 */
function refusalFor(fault: Fault, session: ImapSession): Error {
  if (fault.code === 'tooLarge')
    return new Refusal('Annotation too large', `METADATA MAXSIZE ${session.settings.maxAnnotationSize}`)
  return fault.code === 'overQuota' ? new Refusal('No room for annotations', 'METADATA TOOMANY') : fault
}
