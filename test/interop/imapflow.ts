/** Clients made of imapflow, signed in; they are logged out at the end of the block. */
import { once } from 'node:events'
import { ImapFlow, type ImapFlowEvents, type ImapFlowOptions } from 'imapflow'
import type { User } from './read-by-curl.ts'
import type { TestServer } from '../harness/server.ts'

export async function signIn(
  server: TestServer,
  user: User,
  o: Partial<ImapFlowOptions> = {},
): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: server.imapsPort,
    secure: true,
    tls: { rejectUnauthorized: false },
    auth: { user: user.name, pass: user.password },
    disableAutoIdle: true,
    logger: false,
    ...o,
  })
  await client.connect()
  return client
}

/** A guard against an event that never comes; no test depends on how long it is. */
const hangMs = 120_000

/** What the next event of that name tells. */
export async function next<Name extends keyof ImapFlowEvents>(
  client: ImapFlow,
  name: Name,
): Promise<ImapFlowEvents[Name][0]> {
  const [told] = (await once(client, name, { signal: AbortSignal.timeout(hangMs) })) as ImapFlowEvents[Name]
  return told
}
