/**
 * Who looks at a message while it comes in: the checks of where it comes from, and whoever vouches for what
 * leaves. Fields that claim our own name for results, or that say what mail programs are to show of a brand, are left out on the way (RFC 8601 §5), before anybody stores
 * or believes them.
 */
import { forgedBimiFields } from '#mailauth/bimi-fields.ts'
import { forgedResults } from '#message/auth-results-reader.ts'
import type { MessageObserver } from './header-gate.ts'
import type { SmtpSession } from './smtp-command.ts'
import type { Transaction } from './transaction.ts'
import type { Recipient } from './recipient.ts'
import { Sealing } from './sealing.ts'
import { Signing } from './signing.ts'
import { authorIsOwn } from './stages/author-is-own.ts'
import type { Vouching } from './vouching.ts'

/** Undefined where nobody does: it comes from a server of ours, which has looked. */
export function observeMessage(session: SmtpSession, transaction: Transaction): MessageObserver | undefined {
  if (session.role === 'lmtp') return undefined
  const { verification } = transaction
  const vouching = beginVouching(session, transaction)
  transaction.vouching = vouching
  return {
    async header(block) {
      if (verification !== undefined) {
        verification.header = Buffer.from(block)
        verification.verifier.header(verification.header)
      }
      transaction.authorRefusal = await authorIsOwn(session, block)
      await vouching?.header(block)
      const forged = [...forgedResults(block, [session.deps.hostname()]), ...forgedBimiFields(block)]
      return forged.toSorted((a, b) => a.start - b.start)
    },
    body(piece) {
      verification?.verifier.body(piece)
      vouching?.body(piece)
    },
  }
}

const goesOut = (recipient: Recipient): boolean =>
  recipient.kind === 'remote' || (recipient.kind === 'list' && recipient.members.others.length > 0)

/** Undefined where the message stays here. */
function beginVouching(session: SmtpSession, transaction: Transaction): Vouching | undefined {
  const outbound = transaction.recipients.filter(goesOut)
  if (outbound.length === 0) return undefined
  const { access } = session
  if (access !== undefined) return new Signing(session, access, transaction.envelope.from.address)
  const list = outbound.find((recipient) => recipient.kind === 'list')
  const { verification } = transaction
  return list === undefined || verification === undefined
    ? undefined
    : new Sealing(session.deps, list.address, verification.origin)
}
