/** What people call objects, and which commands are about them. */

const words: Readonly<Record<string, readonly [called: string, command: string]>> = {
  Domain: ['domain', 'domain list'],
  Account: ['account', 'account list'],
  MailingList: ['list', 'list list'],
  Role: ['role', 'role list'],
  DkimSignature: ['DKIM key', 'dkim list'],
  QueuedMessage: ['message', 'queue list'],
  DmarcInternalReport: ['report', 'report list'],
  DmarcExternalReport: ['report', 'report list'],
  ArfExternalReport: ['report', 'report list'],
}

/** What people call an object; `type`, of one that is there: accounts and groups are one kind and two words. */
export const wordFor = (object: string, type?: unknown): string =>
  object === 'Account' && type === 'group' ? 'group' : (words[object]?.[0] ?? object)

/** The command line, without the program, that lists what there is of the kind. */
export const listingOf = (object: string, ofAccount?: string): string =>
  words[object]?.[1] ?? `query ${object}${ofAccount === undefined ? '' : ` --account ${ofAccount}`}`
