/**
 * Who looks at a message while it comes in: the checks of where it comes from, or the signatures of what leaves.
 * Fields that claim our own name for results are left out on the way (RFC 8601 §5), before anybody stores or
 * believes them.
 */
import { forgedResults } from '#message/auth-results-reader.ts'
import type { MessageObserver } from './header-gate.ts'
import { Signing } from './signing.ts'
import type { SmtpSession } from './smtp-command.ts'
import type { Transaction } from './transaction.ts'

/** Undefined where nobody does: it comes from a server of ours, which has looked. */
export function observeMessage(session: SmtpSession, transaction: Transaction): MessageObserver | undefined {
  if (session.role === 'lmtp') return undefined
  const verifier = transaction.verification?.verifier
  const signing = Signing.begin(session, transaction)
  transaction.signing = signing
  return {
    async header(block) {
      verifier?.header(Buffer.from(block))
      await signing?.header(block)
      return forgedResults(block, [session.deps.hostname()])
    },
    body(piece) {
      verifier?.body(piece)
      signing?.body(piece)
    },
  }
}
