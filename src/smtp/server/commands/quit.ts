/** QUIT (RFC 5321 §4.1.1.10). */
import { expectNothing } from '../../command.ts'
import { reply } from '../../reply.ts'
import { everywhere, smtpCommand } from '../smtp-command.ts'

const bye = reply(221, '2.0.0', 'Bye')

export const quit = smtpCommand<void>({
  verb: 'QUIT',
  standard: 'RFC 5321 §4.1.1.10',
  roles: everywhere,
  need: 'nothing',
  needsSignIn: false,
  operation: 'other',
  syntaxReply: reply(501, '5.5.4', 'Syntax: QUIT'),
  parse: expectNothing,
  run(session) {
    session.close('quit')
    return bye
  },
})
