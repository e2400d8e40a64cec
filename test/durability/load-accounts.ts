/** The accounts of a load test, and the configuration that lets its clients in. */
import type { TestServer } from '../harness/server.ts'
import { password } from './load.ts'
import type { LoadAccount } from './load-user.ts'
import { readAccount } from './read-account.ts'

export const loadConfig = '[Imap]\nallowPlainTextAuth = true\n'

const engines = ['lmdb', 'sqlite'] as const

/** POSTERN_ENGINES, or all. */
export const enginesUnderTest = engines.filter((engine) =>
  (process.env['POSTERN_ENGINES'] ?? engines.join()).split(',').includes(engine),
)

export async function createAccounts(server: TestServer, count: number): Promise<LoadAccount[]> {
  const accounts: LoadAccount[] = []
  for (let i = 0; i < count; i++) {
    const name = `user${i}@example.org`
    await server.createAccount(name, password)
    const { state } = await readAccount(server.imapPort, name)
    accounts.push({ name, base: state, steps: [], used: new Map() })
  }
  return accounts
}
