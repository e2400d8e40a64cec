/**
 * Who signed in writes as themselves: every address in From that is of a domain of ours is one of their own
 * (`account/sending-address.ts`), as the envelope's is. Else a colleague's name would stand under our signature. What
 * domains of others want is theirs to say, by DMARC.
 */
import { maySendAs } from '#account/sending-address.ts'
import { readAuthors } from '#mailauth/author-domain.ts'
import { reply } from '../../reply.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Refusal } from './stage.ts'

const notYours = reply(550, '5.7.1', 'You may not send as the address in From')
const refusal: Refusal = { reply: notYours, reason: 'an address in From is not one of the account' }

/** For a complete header. */
export async function authorIsOwn(session: SmtpSession, header: Uint8Array): Promise<Refusal | undefined> {
  const { access, deps, limits } = session
  if (access === undefined || !limits.mustMatchSender) return undefined
  for (const author of new Set(readAuthors(header))) {
    const found = await deps.resolve(author)
    if (found.kind !== 'remote' && !(await maySendAs(access, author, deps.resolve))) return refusal
  }
  return undefined
}
