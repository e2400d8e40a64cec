/** RSET (RFC 5321 §4.1.1.5). */
import { expectNothing } from '../../command.ts'
import { reply } from '../../reply.ts'
import { everywhere, smtpCommand } from '../smtp-command.ts'

const done = reply(250, '2.0.0', 'Reset')

export const rset = smtpCommand<void>({
  verb: 'RSET',
  standard: 'RFC 5321 §4.1.1.5',
  roles: everywhere,
  need: 'nothing',
  needsSignIn: false,
  operation: 'other',
  syntaxReply: reply(501, '5.5.4', 'Syntax: RSET'),
  parse: expectNothing,
  run(session) {
    session.reset()
    return done
  },
})
