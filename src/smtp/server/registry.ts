/** The table of commands: what a verb does is in the file of its name. */
import { auth } from './commands/auth.ts'
import { bdat } from './commands/bdat.ts'
import { data } from './commands/data.ts'
import { ehlo, lhlo } from './commands/ehlo.ts'
import { helo } from './commands/helo.ts'
import { help } from './commands/help.ts'
import { mail } from './commands/mail.ts'
import { noop } from './commands/noop.ts'
import { quit } from './commands/quit.ts'
import { rcpt } from './commands/rcpt.ts'
import { rset } from './commands/rset.ts'
import { starttls } from './commands/starttls.ts'
import { vrfy } from './commands/vrfy.ts'
import type { AnySmtpCommand, Role } from './smtp-command.ts'

const smtpCommands: readonly AnySmtpCommand[] = [
  ehlo,
  lhlo,
  helo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  vrfy,
  help,
  quit,
  starttls,
  auth,
]

/** Known and not done: RFC 5321 §4.1.1.7 and appendix F, ETRN and its like. Answered with 502, and no sign of malice. */
export const refusedVerbs: ReadonlySet<string> = new Set([
  'EXPN',
  'SEND',
  'SOML',
  'SAML',
  'TURN',
  'ETRN',
  'ATRN',
  'BURL',
])

/**
 * What begins a request of another protocol: a web browser that was led here sends a whole form, in which
 * somebody else's commands stand. Nothing of that is read.
 */
export const foreignVerbs: ReadonlySet<string> = new Set([
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'DELETE',
])

const tableFor = (role: Role): ReadonlyMap<string, AnySmtpCommand> =>
  new Map(
    smtpCommands.filter((command) => command.roles.includes(role)).map((command) => [command.verb, command]),
  )

const tables: Readonly<Record<Role, ReadonlyMap<string, AnySmtpCommand>>> = {
  smtp: tableFor('smtp'),
  submission: tableFor('submission'),
  lmtp: tableFor('lmtp'),
}

export const findCommand = (role: Role, verb: string): AnySmtpCommand | undefined => tables[role].get(verb)
