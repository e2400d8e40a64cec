/** mbsync keeps all mailboxes of Alice and a folder of Maildirs alike. */
import type { TestServer } from '../harness/server.ts'
import { alice } from './read-by-curl.ts'

export const mbsyncrc = (server: TestServer, folder: string, certificate: string): string => `
IMAPAccount postern
Host 127.0.0.1
Port ${server.imapsPort}
User ${alice.name}
Pass "${alice.password}"
SSLType IMAPS
CertificateFile ${certificate}

IMAPStore far
Account postern

MaildirStore near
Path ${folder}/
Inbox ${folder}/INBOX
SubFolders Verbatim

Channel everything
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`

/** mbsync marks what it copies, to know it again after a crash. */
export function withoutMark(message: Buffer): Buffer {
  const at = message.indexOf('X-TUID: ')
  if (at === -1) return message
  return Buffer.concat([message.subarray(0, at), message.subarray(message.indexOf('\r\n', at) + 2)])
}
