/** HELP (RFC 5321 §4.1.1.8). */
import { reply } from '../../reply.ts'
import { everywhere, smtpCommand } from '../smtp-command.ts'

const answer = reply(
  214,
  '2.0.0',
  'Commands are described in RFC 5321 and its extensions',
  'https://www.rfc-editor.org/rfc/rfc5321',
)

export const help = smtpCommand<undefined>({
  verb: 'HELP',
  standard: 'RFC 5321 §4.1.1.8',
  roles: everywhere,
  need: 'nothing',
  needsSignIn: false,
  operation: 'other',
  syntaxReply: reply(501, '5.5.4', 'Syntax: HELP'),
  parse: () => undefined,
  run: () => answer,
})
