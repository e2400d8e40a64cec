/** EHLO, and LHLO in its place for LMTP (RFC 5321 §4.1.1.1, RFC 2033 §4.1): what this server can do. */
import { reply } from '../../reply.ts'
import { extensions } from '../extensions.ts'
import { overSmtp, type Role, smtpCommand } from '../smtp-command.ts'
import { parseClientName } from './hello.ts'

const greeting = (
  verb: 'EHLO' | 'LHLO',
  roles: readonly Role[],
  standard: string,
): ReturnType<typeof smtpCommand> =>
  smtpCommand({
    verb,
    standard,
    roles,
    need: 'nothing',
    needsSignIn: false,
    operation: 'other',
    syntaxReply: reply(501, '', `Syntax: ${verb} hostname`),
    parse: parseClientName,
    run(session, name) {
      session.greet({ name, isExtended: true })
      return reply(250, '', `${session.deps.hostname()} greets ${name}`, ...extensions(session))
    },
  })

export const ehlo = greeting('EHLO', overSmtp, 'RFC 5321 §4.1.1.1')
export const lhlo = greeting('LHLO', ['lmtp'], 'RFC 2033 §4.1')
