/** Runs one function of a script in python/. */
import path from 'node:path'
import { run } from './program.ts'
import type { User } from './read-by-curl.ts'
import type { TestServer } from '../harness/server.ts'

const folder = path.join(import.meta.dirname, 'python')

/** The script learns of the server by a variable, so that no password shows in a list of processes. */
export async function runPython(server: TestServer, user: User, script: string, name: string): Promise<void> {
  const { smtpPort, submissionPort, submissionsPort, imapPort, imapsPort } = server
  const ports = { smtpPort, submissionPort, submissionsPort, imapPort, imapsPort }
  const facts = { ...ports, user: user.name, password: user.password }
  await run('python3', ['-B', path.join(folder, script), name], {
    environment: { POSTERN_TEST_SERVER: JSON.stringify(facts) },
  })
}
