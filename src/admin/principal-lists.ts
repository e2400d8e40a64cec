/** Which mailing lists somebody is on: known to the lists alone. */
import type { Scope } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import { nativeOf } from './principal-shape.ts'

const perSlice = 500

/** Names of lists by the addresses on them, of those that are asked for. Nothing for whoever may not see lists. */
export async function listsByAddress(
  management: Management,
  scope: Scope,
  addresses: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>()
  const { actor } = scope
  const maySee =
    management.mayUse('MailingList', 'query', actor) && management.mayUse('MailingList', 'get', actor)
  for (let position = 0; maySee; position += perSlice) {
    const o = { filter: {}, position, limit: perSlice }
    const { ids } = await management.query('MailingList', o, scope)
    for (const list of await management.getMany('MailingList', ids, scope)) {
      const { name, recipients } = nativeOf(list)
      for (const address of recipients) {
        if (!addresses.has(address)) continue
        const names = found.get(address)
        if (names === undefined) found.set(address, [name])
        else names.push(name)
      }
    }
    if (ids.length < perSlice) break
  }
  return found
}

/** In the order of their names. */
export async function listsOf(
  management: Management,
  scope: Scope,
  addresses: readonly string[],
): Promise<readonly string[]> {
  return joined(await listsByAddress(management, scope, new Set(addresses)), addresses)
}

export const joined = (
  lists: ReadonlyMap<string, readonly string[]>,
  addresses: readonly string[],
): readonly string[] => [...new Set(addresses.flatMap((address) => lists.get(address) ?? []))].sort()
