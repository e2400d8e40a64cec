/** VRFY (RFC 5321 §4.1.1.6, §7.3): says nothing about who exists. Only RCPT does. */
import type { Cursor } from '#base/cursor.ts'
import { reply } from '../../reply.ts'
import { everywhere, smtpCommand } from '../smtp-command.ts'

const answer = reply(252, '2.0.0', 'Cannot verify the user, try RCPT')

export const vrfy = smtpCommand<void>({
  verb: 'VRFY',
  standard: 'RFC 5321 §4.1.1.6',
  roles: everywhere,
  need: 'nothing',
  needsSignIn: true,
  operation: 'other',
  syntaxReply: reply(501, '5.5.4', 'Syntax: VRFY address'),
  parse(argument: Cursor) {
    if (argument.atEnd) argument.fail('expected a user')
  },
  run: () => answer,
})
