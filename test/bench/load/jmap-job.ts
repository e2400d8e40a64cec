/** One JMAP operation, over and over, on each of some connections: as the last account, in a filled mailbox. */
import { accountName } from '../target.ts'
import { JmapClient } from './jmap-client.ts'
import { jmapOperations } from './jmap-operations.ts'
import { mailboxOf } from './imap-job.ts'
import { type JmapJob, type JobResult, type PreparedJob, repeat, Tally } from './job.ts'
import { Random } from '../../harness/random.ts'
import { Timings } from './timings.ts'

export async function prepareJmap(job: JmapJob): Promise<PreparedJob> {
  const { target } = job
  const operation = jmapOperations[job.operation]
  if (operation === undefined) throw new Error(`no operation "${job.operation}"`)
  if (target.jmap === undefined) throw new Error('the target has no JMAP')
  const clients: JmapClient[] = []
  const steps: (() => Promise<number>)[] = []
  let found: number | undefined
  for (let at = 0; at < job.connections; at++) {
    const client = await JmapClient.open(target.jmap, accountName(target, target.accounts), target.password)
    clients.push(client)
    const mailbox = await mailboxIn(client, mailboxOf(job.messages))
    const prepared = await operation.prepare({ client, mailbox, random: new Random(at + 1) })
    found = prepared.found
    steps.push(async () => {
      const startedAt = performance.now()
      await prepared.step()
      return performance.now() - startedAt
    })
  }
  const run = async (): Promise<JobResult> => {
    const tally = new Tally(new Timings())
    await repeat(tally, steps, job.seconds)
    return tally.result(found === undefined ? {} : { found })
  }
  return { run, release: async () => clients.forEach((client) => client.close()) }
}

async function mailboxIn(client: JmapClient, name: string): Promise<string> {
  const { accountId } = client
  const [got] = await client.ask(['Mailbox/get', { accountId, ids: null, properties: ['id', 'name'] }, 'm'])
  const all = got!['list'] as readonly { id: string; name: string }[]
  const found = all.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no mailbox ${name}`)
  return found.id
}
