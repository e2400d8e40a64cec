/** HELO (RFC 5321 §4.1.1.1): a session without extensions. Its replies have no enhanced code (RFC 2034 §4). */
import { reply } from '../../reply.ts'
import { overSmtp, smtpCommand } from '../smtp-command.ts'
import { parseClientName } from './hello.ts'

export const helo = smtpCommand({
  verb: 'HELO',
  standard: 'RFC 5321 §4.1.1.1',
  roles: overSmtp,
  need: 'nothing',
  needsSignIn: false,
  operation: 'other',
  syntaxReply: reply(501, '', 'Syntax: HELO hostname'),
  parse: parseClientName,
  run(session, name) {
    session.greet({ name, isExtended: false })
    return reply(250, '', session.deps.hostname())
  },
})
