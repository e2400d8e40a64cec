/** The JMAP operations that are measured, as a table: what happens before the clock starts, and one step. */
import { type Invocation, type JmapClient, requestOf } from './jmap-client.ts'
import { searchWords } from './messages.ts'
import type { Random } from '../../harness/random.ts'

export interface JmapAround {
  readonly client: JmapClient
  /** Id of the mailbox with the messages. */
  readonly mailbox: string
  readonly random: Random
}

/** Returns how many objects one operation gives, the same for every server. */
type Step = () => Promise<unknown>

export interface JmapOperation {
  prepare(around: JmapAround): Promise<{ readonly step: Step; readonly found?: number }>
}

const listProperties = [
  'id',
  'threadId',
  'mailboxIds',
  'keywords',
  'from',
  'subject',
  'receivedAt',
  'preview',
  'hasAttachment',
]
const manyMailboxes = 100
const manyEmails = 500
const page = 50

const query = ({ client, mailbox }: JmapAround, more: object = {}, limit = page): Invocation => [
  'Email/query',
  {
    accountId: client.accountId,
    filter: { inMailbox: mailbox, ...more },
    sort: [{ property: 'receivedAt', isAscending: false }],
    limit,
  },
  'q',
]

/** A request that is the same each time; what the method of its last response gives is counted once. */
function same(
  calls: (around: JmapAround) => readonly Invocation[] | Promise<readonly Invocation[]>,
): JmapOperation {
  return {
    async prepare(around) {
      const wanted = await calls(around)
      const answers = await around.client.ask(...wanted)
      const { list, ids, created, updated, destroyed } = answers.at(-1) as Record<string, readonly unknown[]>
      const found = (list ?? ids ?? [...(created ?? []), ...(updated ?? []), ...(destroyed ?? [])]).length
      const body = requestOf(wanted)
      return { step: () => around.client.send(body), found }
    },
  }
}

const idsOf = async (around: JmapAround, count: number): Promise<readonly string[]> =>
  (await around.client.ask(query(around, {}, count)))[0]!['ids'] as readonly string[]

async function makeMailboxes({ client }: JmapAround): Promise<readonly Invocation[]> {
  const { accountId } = client
  const all: Invocation = ['Mailbox/get', { accountId, ids: null, properties: ['id', 'name'] }, 'm']
  const names = async (): Promise<readonly { id: string; name: string }[]> =>
    (await client.ask(all))[0]!['list'] as readonly { id: string; name: string }[]
  const missing = manyMailboxes - (await names()).length
  const create = Object.fromEntries(
    Array.from({ length: Math.max(0, missing) }, (_, i) => [`c${i}`, { name: `many-${i}`, parentId: null }]),
  )
  if (missing > 0) await client.ask(['Mailbox/set', { accountId, create }, 's'])
  const ids = (await names()).slice(0, manyMailboxes).map(({ id }) => id)
  return [['Mailbox/get', { accountId, ids }, 'm']]
}

async function changeOne(around: JmapAround): Promise<readonly Invocation[]> {
  const { client } = around
  const { accountId } = client
  const [id] = await idsOf(around, 1)
  const [got] = await client.ask(['Email/get', { accountId, ids: [id], properties: ['keywords'] }, 'g'])
  const isFlagged = JSON.stringify(got).includes('$flagged')
  const update = { [id!]: { 'keywords/$flagged': isFlagged ? null : true } }
  await client.ask(['Email/set', { accountId, update }, 's'])
  return [['Email/changes', { accountId, sinceState: got!['state'] }, 'c']]
}

export const jmapOperations: Readonly<Record<string, JmapOperation>> = {
  session: { prepare: async ({ client }) => ({ step: () => client.session() }) },
  'mailbox get of 100': same(makeMailboxes),
  'query and get of 50': same((around) => [
    query(around),
    [
      'Email/get',
      {
        accountId: around.client.accountId,
        '#ids': { resultOf: 'q', name: 'Email/query', path: '/ids' },
        properties: listProperties,
      },
      'g',
    ],
  ]),
  'get of 50 with bodies': {
    async prepare(around) {
      const { client, random } = around
      const ids = await idsOf(around, 1000)
      const { accountId } = client
      const step = async (): Promise<unknown> => {
        const some = Array.from({ length: page }, () => ids[random.below(ids.length)]!)
        const args = {
          accountId,
          ids: [...new Set(some)],
          fetchTextBodyValues: true,
          fetchHTMLBodyValues: true,
        }
        return client.send(requestOf([['Email/get', args, 'g']]))
      }
      return { step }
    },
  },
  'set 500 keywords': {
    async prepare(around) {
      const { client } = around
      const ids = await idsOf(around, manyEmails)
      const { accountId } = client
      let isSet = false
      const step = async (): Promise<unknown> => {
        isSet = !isSet
        const change = { 'keywords/$bench': isSet ? true : null }
        const update = Object.fromEntries(ids.map((id) => [id, change]))
        return client.send(requestOf([['Email/set', { accountId, update }, 's']]))
      }
      return { step, found: ids.length }
    },
  },
  'text query': same((around) => [query(around, { text: searchWords.rare })]),
  'changes after one': same(changeOne),
}
