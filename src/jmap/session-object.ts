/**
 * The Session object (RFC 8620 §2). Its state is made of all that it says, so that it changes when anything does,
 * and only then; the same after a restart.
 */
import { createHash } from 'node:crypto'
import type { Access } from '#account/access.ts'
import { accountObjectId, type SeenAccount } from './accounts.ts'
import type { Capability } from './capability.ts'
import type { JmapServices } from './services.ts'
import type { JsonObject } from './value.ts'

export interface SessionOptions {
  readonly services: JmapServices
  readonly capabilities: readonly Capability[]
  readonly access: Access
  /** The address of the server as the client sees it: "https://mail.example.org". */
  readonly base: string
  /** All accounts that the user can see. */
  readonly seen: readonly SeenAccount[]
}

export async function sessionObject(o: SessionOptions): Promise<JsonObject & { readonly state: string }> {
  const { services, capabilities, access, base, seen } = o
  const accounts: Record<string, JsonObject> = {}
  for (const account of seen) accounts[accountObjectId(account.id)] = await accountObject(o, account)
  const own = accountObjectId(access.account)
  const told: [string, JsonObject][] = []
  for (const one of capabilities)
    if (one.session !== undefined) told.push([one.urn, await one.session(services, base)])
  const ofOwn = accounts[own]!['accountCapabilities'] as JsonObject
  const primary = told.map(([urn]) => urn).filter((urn) => Object.hasOwn(ofOwn, urn))
  const session = {
    capabilities: Object.fromEntries(told),
    accounts,
    primaryAccounts: Object.fromEntries(primary.map((urn) => [urn, own])),
    username: access.name,
    apiUrl: `${base}/jmap/`,
    downloadUrl: `${base}/jmap/download/{accountId}/{blobId}/{name}?accept={type}`,
    uploadUrl: `${base}/jmap/upload/{accountId}/`,
    eventSourceUrl: `${base}/jmap/eventsource/?types={types}&closeafter={closeafter}&ping={ping}`,
  }
  const state = createHash('sha256').update(JSON.stringify(session)).digest('base64url').slice(0, 16)
  return { ...session, state }
}

/** An Account object (RFC 8620 §2). */
export async function accountObject(
  { services, capabilities, access }: Pick<SessionOptions, 'services' | 'capabilities' | 'access'>,
  account: SeenAccount,
): Promise<JsonObject> {
  const own: Record<string, JsonObject> = {}
  for (const capability of capabilities) {
    const told = await capability.account?.(services, account, access)
    if (told !== undefined) own[capability.urn] = told
  }
  return {
    name: account.name,
    isPersonal: account.isPersonal,
    isReadOnly: account.isReadOnly,
    accountCapabilities: own,
  }
}
