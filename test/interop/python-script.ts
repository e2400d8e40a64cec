/** Runs the scripts in python/. */
import path from 'node:path'
import { run } from './program.ts'
import type { User } from './read-by-curl.ts'
import type { TestServer } from '../harness/server.ts'

const folder = path.join(import.meta.dirname, 'python')

/** The script learns of the server by a variable, so that no password shows in a list of processes. */
export async function runPython(
  server: TestServer,
  user: User,
  script: string,
  ...args: readonly string[]
): Promise<string> {
  const { smtpPort, submissionPort, submissionsPort, imapPort, imapsPort } = server
  const ports = { smtpPort, submissionPort, submissionsPort, imapPort, imapsPort }
  const facts = { ...ports, user: user.name, password: user.password }
  const { stdout } = await run('python3', ['-B', path.join(folder, script), ...args], {
    environment: { POSTERN_TEST_SERVER: JSON.stringify(facts) },
  })
  return stdout.toString('utf8')
}

export interface ListedMessage {
  readonly uid: number
  readonly flags: readonly string[]
  readonly messageId: string
}

/** All messages of a mailbox, in the order of their UIDs. */
export async function listMailbox(
  server: TestServer,
  user: User,
  mailbox = 'INBOX',
): Promise<readonly ListedMessage[]> {
  const rows = JSON.parse(await runPython(server, user, 'list_mailbox.py', mailbox)) as [
    number,
    string[],
    string,
  ][]
  return rows.map(([uid, flags, messageId]) => ({ uid, flags, messageId }))
}
