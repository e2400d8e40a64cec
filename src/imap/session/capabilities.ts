/**
 * The words of CAPABILITY: exactly what works. Each word has a conversation in a test whose title names it in
 * brackets; `capabilities.test.ts` fails for one that has none.
 */
import { jmapSession } from './jmap-access.ts'
import { limitCapabilities } from './message-limit.ts'
import { quotaSetters } from '../permissions.ts'
import type { ImapSession } from './session.ts'

/** In every state. */
export const always: readonly string[] = [
  'IMAP4rev1',
  'IMAP4rev2',
  'ACL',
  'BINARY',
  'CATENATE',
  'CHILDREN',
  'CONDSTORE',
  'CONTEXT=SEARCH',
  'CONTEXT=SORT',
  'CREATE-SPECIAL-USE',
  'ENABLE',
  'ESEARCH',
  'ESORT',
  'FILTERS',
  'I18NLEVEL=1',
  'ID',
  'IDLE',
  'INPROGRESS',
  'LIST-EXTENDED',
  'LIST-METADATA',
  'LIST-MYRIGHTS',
  'LIST-STATUS',
  'METADATA',
  'METADATA-SERVER',
  'MOVE',
  'MULTIAPPEND',
  'MULTISEARCH',
  'NAMESPACE',
  'NOTIFY',
  'OBJECTID',
  'PARTIAL',
  'PREVIEW',
  'QRESYNC',
  'QUOTA',
  'QUOTA=RES-MAILBOX',
  'QUOTA=RES-MESSAGE',
  'QUOTA=RES-STORAGE',
  'REPLACE',
  'RIGHTS=texk',
  'SASL-IR',
  'SAVEDATE',
  'SEARCH=FUZZY',
  'SEARCHRES',
  'SORT',
  'SORT=DISPLAY',
  'SPECIAL-USE',
  'STATUS=SIZE',
  'THREAD=ORDEREDSUBJECT',
  'THREAD=REFERENCES',
  'UIDBATCHES',
  'UIDONLY',
  'UIDPLUS',
  'UNSELECT',
  'URL-PARTIAL',
  'URLAUTH',
  'URLAUTH=BINARY',
  'WITHIN',
]

/** What holds of the settings of now, and of this client, in every state. */
const bySettings = ({ settings, offersUtf8 }: ImapSession): readonly string[] => [
  // RFC 7889 §2: of all mailboxes the same.
  `APPENDLIMIT=${settings.maxRequestSize}`,
  settings.allowLargeLiterals ? 'LITERAL+' : 'LITERAL-',
  ...limitCapabilities(settings),
  ...(offersUtf8 ? ['UTF8=ACCEPT'] : []),
]

/** RFC 9051 §6.1.1 and §11.7: how to sign in is offered only before, and passwords only where they are safe. */
export function capabilities(session: ImapSession): readonly string[] {
  const words = [...always, ...bySettings(session)]
  if (session.access !== undefined) {
    if (session.access.permissions.has(quotaSetters)) words.push('QUOTASET')
    if (jmapSession(session) !== undefined) words.push('JMAPACCESS')
    if (session.settings.allowCompression) words.push('COMPRESS=DEFLATE')
    if (session.settings.allowUnauthenticate) words.push('UNAUTHENTICATE')
    return words
  }
  if (session.connection.canStartTls) words.push('STARTTLS')
  if (!session.mayUsePasswords) words.push('LOGINDISABLED')
  for (const { name } of session.services.mechanisms.offered(session.channel)) words.push(`AUTH=${name}`)
  return words
}
