/**
 * The row of a mailbox: its name and place, the counters that IMAP STATUS and SELECT answer from, and those of JMAP.
 *
 * All counters are exact: `messages` are the entries in the mailbox, `unseen` those without `$seen`, `deleted`
 * those with `\Deleted`, `sizeBytes` the sum of their messages' sizes. HIGHESTMODSEQ rises with every change of
 * an entry and with every expunge (RFC 7162 §3.1.2.1), so that a delivery dirties one mailbox only.
 */
import { SyntaxFault } from '#base/fault.ts'
import type { AccountId, MailboxId, Modseq, Uid } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { Codec } from '#kv/table.ts'
import { countNames, type CountName, type MailboxCounts, noCounts } from './mailbox-counts.ts'
import type { Grant, Rights } from './rights.ts'

/** Codes in rows are positions in this list: append only. */
export const mailboxRoles = [
  'inbox',
  'drafts',
  'sent',
  'junk',
  'trash',
  'archive',
  'important',
  'memos',
  'scheduled',
  'snoozed',
] as const
export type MailboxRole = (typeof mailboxRoles)[number]

/** What is stored under the mailbox's id. */
export interface MailboxRow {
  /** One segment of the path: UTF-8 in NFC, without "/" and control characters. */
  readonly name: string
  /** 0 at the top. */
  readonly parent: MailboxId | 0
  readonly role: MailboxRole | undefined
  readonly subscribed: boolean
  readonly uidValidity: number
  readonly uidNext: Uid
  readonly highestModseq: Modseq
  readonly messages: number
  readonly unseen: number
  readonly deleted: number
  readonly sizeBytes: number
  /** Who was given which rights, by ascending grantee: see `rights.ts`. */
  readonly grants: readonly Grant[]
  /** The last commit that changed the grants, or began to log what comes and leaves; 0 where neither ever was. */
  readonly grantsModseq: Modseq
  /** RFC 8621 §2: below 2^31. */
  readonly sortOrder: number
  /** What JMAP counts. */
  readonly counts: MailboxCounts
}

export interface Mailbox extends MailboxRow {
  readonly id: MailboxId
}

/** A mailbox of an account. */
export interface Place {
  readonly account: AccountId
  readonly mailbox: MailboxId
}

/**
 * Whether somebody was ever given rights, or kept from another mailbox of the account: then what comes and leaves is
 * in the log of shared mailboxes.
 */
export const wasShared = ({ grantsModseq }: Pick<MailboxRow, 'grantsModseq'>): boolean => grantsModseq > 0

/** The two older ones, without and with grants, end before what JMAP needs. */
const formats = { plain: 1, withGrants: 2, withCounts: 3 } as const

export const mailboxRowCodec: Codec<MailboxRow> = {
  encode(row) {
    const { grants, counts } = row
    const out = new PackWriter(80 + row.name.length + 10 * grants.length)
    out.u8(formats.withCounts)
    out.text(row.name).uint(row.parent)
    out.u8(row.role === undefined ? 0 : mailboxRoles.indexOf(row.role) + 1).u8(row.subscribed ? 1 : 0)
    out.uint(row.uidValidity).uint(row.uidNext).uint(row.highestModseq)
    out.uint(row.messages).uint(row.unseen).uint(row.deleted).uint(row.sizeBytes)
    writeGrants(out, grants)
    out.uint(row.grantsModseq).uint(row.sortOrder)
    for (const name of countNames) out.uint(counts[name])
    return out.done()
  },
  decode(bytes) {
    const from = new PackReader(bytes)
    const format = from.u8()
    if (format < formats.plain || format > formats.withCounts)
      throw new SyntaxFault('unknown form of a mailbox row', 0)
    const name = from.text()
    const parent = from.uint() as MailboxId | 0
    const role = from.u8()
    return {
      name,
      parent,
      role: role === 0 ? undefined : mailboxRoles[role - 1],
      subscribed: from.u8() === 1,
      uidValidity: from.uint(),
      uidNext: from.uint() as Uid,
      highestModseq: from.uint() as Modseq,
      messages: from.uint(),
      unseen: from.uint(),
      deleted: from.uint(),
      sizeBytes: from.uint(),
      grants: format === formats.plain ? [] : readGrants(from),
      ...(format === formats.withCounts ? readLast(from) : uncounted),
    }
  },
}

type Last = Pick<MailboxRow, 'grantsModseq' | 'sortOrder' | 'counts'>

/** The check of the store tells of it and counts. */
const uncounted: Last = { grantsModseq: 0 as Modseq, sortOrder: 0, counts: noCounts }

function readLast(from: PackReader): Last {
  const grantsModseq = from.uint() as Modseq
  const sortOrder = from.uint()
  const counts: Record<CountName, number> = { ...noCounts }
  for (const name of countNames) counts[name] = from.uint()
  return { grantsModseq, sortOrder, counts }
}

/** What rows say of rights, for the log of what they said before. */
export const grantsCodec: Codec<Pick<MailboxRow, 'grants' | 'grantsModseq'>> = {
  encode({ grants, grantsModseq }) {
    const out = new PackWriter(8 + 10 * grants.length)
    writeGrants(out, grants)
    return out.uint(grantsModseq).done()
  },
  decode(bytes) {
    const from = new PackReader(bytes)
    return { grants: readGrants(from), grantsModseq: from.uint() as Modseq }
  },
}

function writeGrants(out: PackWriter, grants: readonly Grant[]): void {
  out.uint(grants.length)
  for (const { grantee, granted, denied } of grants)
    out
      .uint(grantee)
      .uint(granted === undefined ? 0 : granted + 1)
      .uint(denied)
}

function readGrants(from: PackReader): Grant[] {
  const grants: Grant[] = []
  for (let left = from.uint(); left > 0; left--) {
    const grantee = from.uint() as AccountId
    const granted = from.uint()
    const denied = from.uint() as Rights
    grants.push({ grantee, granted: granted === 0 ? undefined : ((granted - 1) as Rights), denied })
  }
  return grants
}
