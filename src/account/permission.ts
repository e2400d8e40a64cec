/**
 * The catalogue of permissions: what somebody who signed in may do, each by a name that roles and accounts
 * list. A permission is checked in one place per protocol; one that nothing checks is not in this list
 * (`server/catalog.test.ts` looks), and objects of the management API that are not in it cannot be reached.
 */

/** What people who have mail do. The names are those of the protocol's commands. */
const mailPermissions = {
  authenticate: 'Sign in at all.',
  authenticateWithAlias: 'Sign in with an alias in place of the name.',
  emailSend: 'Send mail.',
  emailReceive: 'Be delivered mail.',
  imapAuthenticate: 'Use IMAP.',
  imapAclGet: 'IMAP: read who has rights on mailboxes.',
  imapAclSet: 'IMAP: give others rights on mailboxes.',
  imapMyRights: 'IMAP: ask for the own rights on mailboxes.',
  imapListRights: 'IMAP: ask which rights there are.',
  imapAppend: 'IMAP: put messages into mailboxes.',
  imapCapability: 'IMAP: ask what the server can do.',
  imapId: 'IMAP: tell and ask which program it is.',
  imapCopy: 'IMAP: copy messages.',
  imapMove: 'IMAP: move messages.',
  imapCreate: 'IMAP: create mailboxes.',
  imapDelete: 'IMAP: delete mailboxes.',
  imapEnable: 'IMAP: enable extensions.',
  imapExpunge: 'IMAP: remove messages for good.',
  imapFetch: 'IMAP: read messages.',
  imapIdle: 'IMAP: wait for news.',
  imapList: 'IMAP: list mailboxes.',
  imapLsub: 'IMAP: list subscribed mailboxes.',
  imapNamespace: 'IMAP: ask where mailboxes of others are.',
  imapMetadataGet: 'IMAP: read annotations of mailboxes and of the server.',
  imapMetadataSet: 'IMAP: change annotations of mailboxes, and own ones of the server.',
  imapQuotaGet: 'IMAP: ask what accounts hold and may hold.',
  imapRename: 'IMAP: rename mailboxes.',
  imapReplace: 'IMAP: put a message in the place of another.',
  imapSearch: 'IMAP: search.',
  imapSort: 'IMAP: search, with the result in an order.',
  imapSelect: 'IMAP: open mailboxes.',
  imapExamine: 'IMAP: open mailboxes to read only.',
  imapStatus: 'IMAP: ask for the counts of mailboxes.',
  imapStore: 'IMAP: change flags.',
  imapUrlAuth: 'IMAP: let others read messages, by URLs.',
  imapSubscribe: 'IMAP: subscribe to mailboxes.',
  imapThread: 'IMAP: search, with the result in threads.',
  jmapAuthenticate: 'Use JMAP.',
  jmapBlobCopy: 'JMAP: copy files between accounts.',
  jmapBlobGet: 'JMAP: download files, and read them in requests.',
  jmapBlobLookup: 'JMAP: ask which messages a file is in.',
  jmapBlobUpload: 'JMAP: upload files.',
  jmapEmailQuery: 'JMAP: search messages.',
  jmapEmailQueryChanges: 'JMAP: ask what changed in a search of messages.',
  jmapMailboxChanges: 'JMAP: ask which mailboxes changed.',
  jmapMailboxGet: 'JMAP: read mailboxes.',
  jmapMailboxQuery: 'JMAP: search mailboxes.',
  jmapMailboxQueryChanges: 'JMAP: ask what changed in a search of mailboxes.',
  jmapMailboxSet: 'JMAP: create, change and destroy mailboxes.',
  jmapMdnParse: 'JMAP: read files as receipts of messages.',
  jmapMdnSend: 'JMAP: send receipts for messages.',
  jmapPushSubscriptionGet: 'JMAP: read the own push subscriptions.',
  jmapPushSubscriptionSet: 'JMAP: have messages about changes sent to a push service.',
  jmapQuotaChanges: 'JMAP: ask which quotas changed.',
  jmapQuotaGet: 'JMAP: read what accounts hold and may hold.',
  jmapQuotaQuery: 'JMAP: search quotas.',
  jmapQuotaQueryChanges: 'JMAP: ask how a search of quotas changed.',
  jmapEmailChanges: 'JMAP: ask which messages changed.',
  jmapEmailCopy: 'JMAP: copy messages between accounts.',
  jmapEmailGet: 'JMAP: read messages.',
  jmapEmailImport: 'JMAP: make messages of files.',
  jmapEmailParse: 'JMAP: read files as messages.',
  jmapEmailSet: 'JMAP: write, change and delete messages.',
  jmapEmailSubmissionChanges: 'JMAP: ask what has changed of what was sent.',
  jmapEmailSubmissionGet: 'JMAP: see what becomes of what was sent.',
  jmapEmailSubmissionQuery: 'JMAP: search what was sent.',
  jmapEmailSubmissionQueryChanges: 'JMAP: ask what has changed of a search of what was sent.',
  jmapEmailSubmissionSet: 'JMAP: send mail, and cancel it.',
  jmapIdentityChanges: 'JMAP: ask which identities have changed.',
  jmapIdentityGet: 'JMAP: read identities.',
  jmapIdentitySet: 'JMAP: change identities.',
  jmapSearchSnippetGet: 'JMAP: read where messages have what is searched for.',
  jmapPrincipalChanges: 'JMAP: ask who came and went.',
  jmapPrincipalGet: 'JMAP: see who can be shared with.',
  jmapPrincipalQuery: 'JMAP: search those who can be shared with.',
  jmapPrincipalQueryChanges: 'JMAP: ask how a search of principals changed.',
  jmapPrincipalSet: 'JMAP: ask for principals to be changed, which is refused.',
  jmapShareNotificationChanges: 'JMAP: ask for new notifications of what is shared.',
  jmapShareNotificationGet: 'JMAP: read notifications of what is shared.',
  jmapShareNotificationQuery: 'JMAP: search notifications of what is shared.',
  jmapShareNotificationQueryChanges: 'JMAP: ask how a search of notifications changed.',
  jmapShareNotificationSet: 'JMAP: dismiss notifications of what is shared.',
  jmapThreadChanges: 'JMAP: ask which threads changed.',
  jmapThreadGet: 'JMAP: read which messages are in threads.',
} as const

/** What only those do who run the server. */
const administrationPermissions = {
  unlimitedRequests: 'Make as many requests over HTTP as one likes.',
  impersonate: 'Sign in to the account of another with the own password.',
  imapUrlSubmit: 'IMAP: read what users have authorised for submission.',
  actionReloadSettings: 'Read the configuration again.',
  actionPauseMtaQueue: 'Let nothing leave the queue.',
  actionResumeMtaQueue: 'Let mail leave the queue again.',
  actionRotateDkimKeys: 'Exchange the DKIM keys of a domain before their time.',
  actionRotatePushKey: 'Exchange the key by which push services know the server.',
  actionRecountQuotas: 'Have counted anew what accounts hold.',
  actionReindex: 'See how far the search indexes are, and have them made anew.',
  actionTroubleshootDmarc: 'Find out what SPF, DKIM, ARC and DMARC say of a message.',
  liveDeliveryTest: 'Try whether mail for an address gets there.',
  dnsLookup: 'Ask the name servers that the server asks.',
} as const

/** Objects of which there is one: they are read and updated. */
const singletonNames = [
  'Authentication',
  'Cache',
  'DataRetention',
  'DmarcReportSettings',
  'DnsResolver',
  'Enterprise',
  'FallbackAdmin',
  'Http',
  'Imap',
  'Jmap',
  'MtaConnectionStrategy',
  'MtaExtensions',
  'MtaInboundSession',
  'MtaOutboundStrategy',
  'MtaStageAuth',
  'MtaStageConnect',
  'MtaStageData',
  'MtaStageRcpt',
  'MtaSts',
  'ReportSettings',
  'Search',
  'SenderAuth',
  'Sharing',
  'SystemSettings',
] as const

/** What only the configuration file and the environment can say. */
const fixedSingletonNames = ['DataStore'] as const

/** Objects of which there may be many. */
const collectionNames = [
  'Account',
  'AcmeProvider',
  'Certificate',
  'DkimSignature',
  'Domain',
  'MailingList',
  'MtaDeliverySchedule',
  'MtaRoute',
  'MtaVirtualQueue',
  'NetworkListener',
  'Role',
  'Tracer',
] as const

/** Objects that nobody but the server writes. */
const recordNames = ['AuditEntry'] as const

/** Objects that the server makes, and people throw away. */
const endingRecordNames = ['ArfExternalReport', 'DmarcExternalReport'] as const

/** Objects that the server makes, and people change and end. */
const changingRecordNames = ['DmarcInternalReport', 'QueuedMessage'] as const

/** What everybody has of the own account, under the rights to it. */
const ownSingletonNames = ['AccountPassword', 'AccountSettings'] as const
const ownCollectionNames = ['ApiKey', 'AppPassword'] as const

type ManagedName =
  | (typeof singletonNames)[number]
  | (typeof fixedSingletonNames)[number]
  | (typeof collectionNames)[number]
  | (typeof recordNames)[number]
  | (typeof endingRecordNames)[number]
  | (typeof changingRecordNames)[number]
  | (typeof ownSingletonNames)[number]
  | (typeof ownCollectionNames)[number]

type ManagedVerb = 'Get' | 'Create' | 'Update' | 'Destroy' | 'Query'

export type Permission =
  | keyof typeof mailPermissions
  | keyof typeof administrationPermissions
  | `sys${ManagedName}${ManagedVerb}`

const singletonVerbs = ['Get', 'Update'] as const
const collectionVerbs = ['Get', 'Create', 'Update', 'Destroy', 'Query'] as const
const recordVerbs = ['Get', 'Query'] as const
const endingRecordVerbs = ['Get', 'Destroy', 'Query'] as const
const changingRecordVerbs = ['Get', 'Update', 'Destroy', 'Query'] as const

const verbHelp = {
  Get: 'read',
  Create: 'create',
  Update: 'change',
  Destroy: 'delete',
  Query: 'list and search',
} as const

function ofObjects(
  names: readonly ManagedName[],
  verbs: readonly ManagedVerb[],
): readonly (readonly [Permission, string])[] {
  return names.flatMap((name) =>
    verbs.map((verb) => [`sys${name}${verb}`, `Management: ${verbHelp[verb]} ${name}.`] as const),
  )
}

const own = [
  ...ofObjects(ownSingletonNames, singletonVerbs),
  ...ofObjects(ownCollectionNames, collectionVerbs),
]

const ofUsers = [...(Object.entries(mailPermissions) as [Permission, string][]), ...own]

/** What is of use to mail programs: nothing that manages anything. */
export const mailProgramPermissions: ReadonlySet<Permission> = new Set([
  ...(Object.keys(mailPermissions) as Permission[]),
  'imapUrlSubmit',
  'unlimitedRequests',
])

/** Every permission with what it allows, in the order of this file. */
const permissionHelp: ReadonlyMap<Permission, string> = new Map([
  ...ofUsers,
  ...(Object.entries(administrationPermissions) as [Permission, string][]),
  ...ofObjects(singletonNames, singletonVerbs),
  ...ofObjects(fixedSingletonNames, ['Get']),
  ...ofObjects(collectionNames, collectionVerbs),
  ...ofObjects(recordNames, recordVerbs),
  ...ofObjects(endingRecordNames, endingRecordVerbs),
  ...ofObjects(changingRecordNames, changingRecordVerbs),
])

export const allPermissions: readonly Permission[] = [...permissionHelp.keys()]

export const isPermission = (text: string): text is Permission => permissionHelp.has(text as Permission)

/** The roles that exist without being created, by name: what their holders may do. */
export const builtInRoles: ReadonlyMap<
  string,
  { readonly description: string; readonly enabled: readonly Permission[] }
> = new Map([
  [
    'user',
    {
      description: 'Somebody with a mailbox: mail and the own account.',
      enabled: ofUsers.map(([permission]) => permission),
    },
  ],
  [
    'group',
    { description: 'A group: it receives mail and nobody signs in to it.', enabled: ['emailReceive'] },
  ],
  ['admin', { description: 'Whoever runs the server: everything.', enabled: allPermissions }],
])
