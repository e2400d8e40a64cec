/** NOOP (RFC 5321 §4.1.1.9): its argument, if any, means nothing. */
import { reply } from '../../reply.ts'
import { everywhere, smtpCommand } from '../smtp-command.ts'

const done = reply(250, '2.0.0', 'OK')

export const noop = smtpCommand<undefined>({
  verb: 'NOOP',
  standard: 'RFC 5321 §4.1.1.9',
  roles: everywhere,
  need: 'nothing',
  needsSignIn: false,
  operation: 'other',
  syntaxReply: reply(501, '5.5.4', 'Syntax: NOOP'),
  parse: () => undefined,
  run: () => done,
})
