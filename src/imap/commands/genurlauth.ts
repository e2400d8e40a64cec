/** GENURLAUTH: URLs by which others may read messages, or parts of them, of the user. */
import { SyntaxFault } from '#base/fault.ts'
import { ensureAccessKey } from '#mail/access-key.ts'
import { command, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../wire/grammar.ts'
import { placeOf } from '../namespace/mailbox-ref.ts'
import type { ImapSession } from '../session/session.ts'
import { signedIn } from '../session/session-state.ts'
import { authorise, mailboxOf, parseRump } from '../url/url-auth.ts'

/** Of one command. */
export const maxUrls = 100

export const genurlauth = command<readonly string[]>({
  name: 'GENURLAUTH',
  states: signedIn,
  standard: 'RFC 4467 §7',
  parse: whole((args: Arguments) => {
    const urls: string[] = []
    do {
      args.sp()
      urls.push(args.astring().toString('latin1'))
      args.sp()
      if (args.word() !== 'INTERNAL') args.fail('unknown mechanism')
    } while (!args.atEnd)
    return urls
  }),
  async run(session, urls) {
    if (urls.length > maxUrls) throw new Refusal('Too many URLs in one command', 'LIMIT')
    const authorised: string[] = []
    for (const url of urls) authorised.push(await authoriseOwn(session, url))
    session.out.ascii('* GENURLAUTH')
    for (const url of authorised) session.out.sp().string(Buffer.from(url, 'latin1'), false)
    session.out.crlf()
  },
})

/**
 * Throws a SyntaxFault for every URL that cannot be (RFC 4467 §7). The host is not looked at: a server has many
 * names, and which one it was is part of what the token proves. Nor is whom the URL is for: who that is shows when
 * it is used.
 */
async function authoriseOwn(session: ImapSession, text: string): Promise<string> {
  const { services, mailboxes } = session
  const rump = parseRump(text)
  if (rump === undefined) throw new SyntaxFault('not the URL of a message', 0)
  if (rump.access === undefined) throw new SyntaxFault('missing access identifier in supplied URL', 0)
  if (rump.owner === undefined) throw new SyntaxFault('missing owner username in supplied URL', 0)
  const owner = await services.principals.byName(rump.owner)
  if (owner?.id !== mailboxes.account) throw new SyntaxFault('only your own messages are yours to show', 0)
  const ref = await mailboxOf(session, owner.id, rump)
  if (ref === undefined) throw new SyntaxFault('no such mailbox', 0)
  const key = await mailboxes.writeOwn((tx) => ensureAccessKey(tx, owner.id, placeOf(ref)))
  return text + authorise(key, rump)
}
