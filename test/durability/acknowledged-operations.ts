/**
 * Everything that a client can be answered "done" for: how it is asked for, and how it shows afterwards that it was
 * done. Each has objects of its own, so that they can be asked for in any order.
 */
import { alice, type Answer, bob, dave, password, type World } from './acknowledged-world.ts'
import { messageOf } from './messages.ts'

export interface Operation {
  readonly name: string
  /** New bytes come to the server by it. */
  readonly brings: boolean
  /** What is said where nothing can be stored. */
  readonly refusal: RegExp
  readonly ask: (w: World) => Promise<Answer>
  readonly isThere: (w: World) => Promise<boolean>
}

type Told = Omit<Operation, 'brings'>

/** What is there before any of it is asked for. */
export async function prepare(w: World): Promise<void> {
  for (const name of ['Work', 'Old', 'Gone']) await w.imap(`CREATE ${name}`)
  for (let i = 1; i <= 12; i++) await w.imap('APPEND Work ()', messageOf(`w${i}`))
  await w.select('Work', 'UID STORE 6 +FLAGS (\\Deleted)')
  await w.imap('APPEND Work ()', Buffer.from(`From: <${alice}>\r\nX-Load: ours\r\n\r\nx\r\n`))
  await w.set('Identity/set', { create: { i: { name: 'Alice', email: alice } } })
  await submit(w, 'somebody@elsewhere.example')
}

/** Over JMAP, to one recipient. */
async function submit(w: World, to: string): Promise<Answer> {
  const { list } = await w.call('Identity/get', { ids: null })
  const identityId = (list as { id: string }[])[0]?.id
  const envelope = { mailFrom: { email: alice }, rcptTo: [{ email: to }] }
  const emailId = await w.emailId('ours')
  return w.set('EmailSubmission/set', { create: { s: { identityId, emailId, envelope } } })
}

/** Text that `messageOf` gives, as a literal that needs no continuation. */
const literal = (key: string): string => `{${messageOf(key).length}+}\r\n${messageOf(key).toString('latin1')}`
const mailOf = (key: string): string => `MAIL FROM:<load@sender.example>\r\n${key}`

const smtp: readonly Told[] = [
  {
    name: 'SMTP DATA',
    refusal: /^452 4\.3\.1 /,
    ask: (w) =>
      w.converse(
        w.server.smtpPort,
        'EHLO x.example\r\n',
        mailOf(''),
        `RCPT TO:<${alice}>\r\n`,
        'DATA\r\n',
        Buffer.concat([messageOf('data'), Buffer.from('.\r\n')]),
      ),
    isThere: (w) => w.finds('INBOX', 'HEADER X-Load data'),
  },
  {
    name: 'SMTP BDAT',
    refusal: /^452 4\.3\.1 /,
    ask: (w) =>
      w.converse(
        w.server.smtpPort,
        'EHLO x.example\r\n',
        mailOf(''),
        `RCPT TO:<${alice}>\r\n`,
        Buffer.concat([Buffer.from(`BDAT ${messageOf('bdat').length} LAST\r\n`), messageOf('bdat')]),
      ),
    isThere: (w) => w.finds('INBOX', 'HEADER X-Load bdat'),
  },
  {
    name: 'LMTP',
    refusal: /^452 4\.3\.1 /,
    ask: (w) =>
      w.converse(
        w.server.lmtpPort,
        'LHLO x.example\r\n',
        mailOf(''),
        `RCPT TO:<${alice}>\r\n`,
        'DATA\r\n',
        Buffer.concat([messageOf('lmtp'), Buffer.from('.\r\n')]),
      ),
    isThere: (w) => w.finds('INBOX', 'HEADER X-Load lmtp'),
  },
]

const imap = (name: string, ask: Operation['ask'], isThere: Operation['isThere']): Told => ({
  name: `IMAP ${name}`,
  refusal: /^NO \[UNAVAILABLE\] /,
  ask,
  isThere,
})

const isListed = async (w: World, name: string): Promise<boolean> =>
  (await w.imap(`LIST "" ${name}`)).untagged !== ''

const onImap: readonly Told[] = [
  imap(
    'APPEND',
    (w) => w.imap('APPEND Work ()', messageOf('append')),
    (w) => w.finds('Work', 'HEADER X-Load append'),
  ),
  imap(
    'MULTIAPPEND',
    (w) => w.imap(`APPEND Work () ${literal('multi1')} () ${literal('multi2')}`),
    async (w) => (await w.finds('Work', 'HEADER X-Load multi1')) && w.finds('Work', 'HEADER X-Load multi2'),
  ),
  imap(
    'CATENATE',
    (w) => w.imap(`APPEND Work () CATENATE (TEXT ${literal('catenate')})`),
    (w) => w.finds('Work', 'HEADER X-Load catenate'),
  ),
  imap(
    'REPLACE',
    (w) => w.select('Work', `UID REPLACE 2 Work () ${literal('replace')}`),
    async (w) => (await w.finds('Work', 'HEADER X-Load replace')) && !(await w.finds('Work', 'UID 2')),
  ),
  imap(
    'COPY',
    (w) => w.select('Work', 'UID COPY 3 Archive'),
    (w) => w.finds('Archive', 'HEADER X-Load w3'),
  ),
  imap(
    'MOVE',
    (w) => w.select('Work', 'UID MOVE 4 Archive'),
    async (w) => (await w.finds('Archive', 'HEADER X-Load w4')) && !(await w.finds('Work', 'UID 4')),
  ),
  imap(
    'STORE',
    (w) => w.select('Work', 'UID STORE 5 +FLAGS (stored)'),
    (w) => w.finds('Work', 'UID 5 KEYWORD stored'),
  ),
  imap(
    'EXPUNGE',
    (w) => w.select('Work', 'UID EXPUNGE 6'),
    async (w) => !(await w.finds('Work', 'UID 6')),
  ),
  imap(
    'CREATE',
    (w) => w.imap('CREATE Made'),
    (w) => isListed(w, 'Made'),
  ),
  imap(
    'RENAME',
    (w) => w.imap('RENAME Old New'),
    async (w) => (await isListed(w, 'New')) && !(await isListed(w, 'Old')),
  ),
  imap(
    'DELETE',
    (w) => w.imap('DELETE Gone'),
    async (w) => !(await isListed(w, 'Gone')),
  ),
  imap(
    'SETACL',
    (w) => w.imap(`SETACL Work ${bob} lr`),
    async (w) => (await w.imap('GETACL Work')).untagged.includes(bob),
  ),
  imap(
    'SETMETADATA',
    (w) => w.imap('SETMETADATA Work (/private/comment "kept")'),
    async (w) => (await w.imap('GETMETADATA Work /private/comment')).untagged.includes('kept'),
  ),
  imap(
    'SUBSCRIBE',
    (w) => w.imap('SUBSCRIBE Work'),
    async (w) => (await w.imap('LSUB "" Work')).untagged !== '',
  ),
]

const jmap = (name: string, ask: Operation['ask'], isThere: Operation['isThere']): Told => ({
  name: `JMAP ${name}`,
  refusal: /"type":"server(Unavailable|Fail)"|^503 /,
  ask,
  isThere,
})

const uploaded = 'a text that was uploaded'
const importable = 'Subject: imported\r\nX-Load: import\r\n\r\nx\r\n'
/** Ids that an operation was answered with. */
const blobIds = new Map<string, string>()

const onJmap: readonly Told[] = [
  jmap(
    'Email/set create',
    async (w) =>
      w.set('Email/set', {
        create: {
          e: { mailboxIds: { [await w.mailboxId('Work')]: true }, 'header:X-Load:asText': 'drafted' },
        },
      }),
    (w) => w.finds('Work', 'HEADER X-Load drafted'),
  ),
  jmap(
    'Email/set update',
    async (w) => w.set('Email/set', { update: { [await w.emailId('w7')]: { 'keywords/updated': true } } }),
    (w) => w.finds('Work', 'UID 7 KEYWORD updated'),
  ),
  jmap(
    'Email/set destroy',
    async (w) => w.set('Email/set', { destroy: [await w.emailId('w8')] }),
    async (w) => !(await w.finds('Work', 'UID 8')),
  ),
  jmap(
    'upload',
    async (w) => {
      const answer = await w.upload(uploaded)
      blobIds.set('upload', answer.blobId)
      return answer
    },
    (w) => w.canDownload(blobIds.get('upload') ?? ''),
  ),
  jmap(
    'Blob/upload',
    async (w) => {
      const answer = await w.set('Blob/upload', { create: { b: { data: [{ 'data:asText': 'another' }] } } })
      blobIds.set('Blob/upload', /"(?:id|blobId)":"([^"]+)"/.exec(answer.text)?.[1] ?? '')
      return answer
    },
    (w) => w.canDownload(blobIds.get('Blob/upload') ?? ''),
  ),
  jmap(
    'Email/import',
    async (w) => {
      const { blobId, done, text } = await w.upload(importable)
      if (!done) return { done, text }
      const emails = { i: { blobId, mailboxIds: { [await w.mailboxId('Work')]: true } } }
      return w.set('Email/import', { emails })
    },
    (w) => w.finds('Work', 'HEADER X-Load import'),
  ),
  jmap(
    'Mailbox/set',
    (w) => w.set('Mailbox/set', { create: { m: { name: 'ByJmap', parentId: null } } }),
    (w) => isListed(w, 'ByJmap'),
  ),
  jmap(
    'Identity/set',
    (w) => w.set('Identity/set', { create: { i: { name: 'Another', email: alice } } }),
    async (w) => JSON.stringify(await w.call('Identity/get', { ids: null })).includes('Another'),
  ),
  jmap(
    'EmailSubmission/set',
    (w) => submit(w, bob),
    async (w) => ((await w.call('EmailSubmission/query', {}))['ids'] as string[]).length > 1,
  ),
  jmap(
    'PushSubscription/set',
    (w) =>
      w.set('PushSubscription/set', {
        create: { p: { deviceClientId: 'device', url: 'https://push.example.com/p', types: null } },
      }),
    async (w) => ((await w.call('PushSubscription/get', { ids: null }))['list'] as unknown[]).length > 0,
  ),
]

const api = (name: string, ask: Operation['ask'], isThere: Operation['isThere']): Told => ({
  name: `API ${name}`,
  refusal: /^503 /,
  ask,
  isThere,
})

const holds = async (w: World, path: string, text: string): Promise<boolean> =>
  (await w.api('GET', path)).text.includes(text)

const onApi: readonly Told[] = [
  api(
    'create an account',
    (w) => w.api('POST', '/api/object/Account', { name: 'carol@example.org', secret: password }),
    (w) => holds(w, '/api/object/Account', 'carol@example.org'),
  ),
  api(
    'change an account',
    (w) => w.api('PATCH', `/api/object/Account/${bob}`, { description: 'Bob of sales' }),
    (w) => holds(w, `/api/object/Account/${bob}`, 'Bob of sales'),
  ),
  api(
    'delete an account',
    (w) => w.api('DELETE', `/api/object/Account/${dave}`),
    async (w) => !(await holds(w, '/api/object/Account', dave)),
  ),
  api(
    'create a domain',
    (w) => w.api('POST', '/api/object/Domain', { name: 'example.net' }),
    (w) => holds(w, '/api/object/Domain', 'example.net'),
  ),
  api(
    'change a setting',
    (w) => w.api('PATCH', '/api/object/Authentication', { passwordMinLength: 11 }),
    (w) => holds(w, '/api/object/Authentication', '"passwordMinLength":11'),
  ),
  api(
    'create a credential',
    (w) => w.api('POST', '/api/object/AppPassword', { description: 'a phone' }, alice),
    async (w) => (await w.api('GET', '/api/object/AppPassword', undefined, alice)).text.includes('a phone'),
  ),
  api(
    'create a DKIM key',
    (w) => w.api('POST', '/api/object/DkimSignature', { domain: 'example.org', selector: 'kept' }),
    (w) => holds(w, '/api/object/DkimSignature', '"kept"'),
  ),
  api(
    'delete what waits in the queue',
    (w) => w.api('DELETE', '/api/object/QueuedMessage?domain=elsewhere.example'),
    async (w) => !(await holds(w, '/api/object/QueuedMessage', 'somebody@elsewhere.example')),
  ),
]

const bringing: ReadonlySet<string> = new Set([
  'SMTP DATA',
  'SMTP BDAT',
  'LMTP',
  'IMAP APPEND',
  'IMAP MULTIAPPEND',
  'IMAP CATENATE',
  'IMAP REPLACE',
  'JMAP Email/set create',
  'JMAP upload',
  'JMAP Blob/upload',
  'JMAP Email/import',
])

export const operations: readonly Operation[] = [...smtp, ...onImap, ...onJmap, ...onApi].map((one) => ({
  ...one,
  brings: bringing.has(one.name),
}))
