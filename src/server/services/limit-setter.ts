/** How protocols of mail set what an account may hold: through management, with its checks and its audit log. */
import { AccountHandler, type AccountHandlerOptions } from '#account/objects/account-handler.ts'
import type { ImapServices } from '#imap/services.ts'
import { Management } from '#registry/management.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'

/** Throws the Faults of management: 'forbidden' and 'notFound', and 'conflict' where somebody else was faster. */
export function limitSetter(
  o: Omit<AccountHandlerOptions, 'newPassword'> & { readonly telemetry: Telemetry },
): ImapServices['setLimits'] {
  const newPassword: AccountHandlerOptions['newPassword'] = () => {
    throw new Error('limits come with no password')
  }
  const management = new Management({ ...o, handlers: [new AccountHandler({ ...o, newPassword })] })
  return async ({ account: by, name, permissions }, ip, account, { bytes, messages, mailboxes }) => {
    const scope = { actor: { account: by, name, permissions, ip, protocol: 'imap' }, account: by }
    const { values, revision } = await management.get('Account', String(account), scope)
    const quotas = {
      ...(values['quotas'] as object),
      maxDiskQuota: bytes,
      maxEmails: messages,
      maxMailboxes: mailboxes,
    }
    await management.update('Account', String(account), { quotas }, scope, { ifRevision: revision })
  }
}
