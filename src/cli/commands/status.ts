/** `postern status`: whether the server runs, since when, and what listens where. */
import type { Command } from 'commander'
import type { ShownStatus } from '#admin/server-routes.ts'
import { formatDuration } from '#base/duration.ts'
import { contextOf } from '../context.ts'
import { Refusal } from '../failure.ts'
import type { ObjectClient } from '../object-client.ts'
import { counted, table } from '../layout.ts'
import { notUnderstood } from '../server-answer.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

export function addStatusCommand(program: Command, terminal: Terminal): void {
  program
    .command('status')
    .description('whether the server runs, since when, and what listens where')
    .addHelpText('after', examplesOf('status', 'status --json'))
    .action(async (_o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const status = (await context.api.ask('GET', '/api/status')) as ShownStatus | null
      if (typeof status?.version !== 'string' || !Array.isArray(status.listeners)) throw notUnderstood()
      const waiting = context.wantsJson ? undefined : await countWaiting(context.objects)
      context.show(status, describe(status, waiting, Date.now()))
    })
}

/** Undefined for whoever may not see the queue. */
async function countWaiting(objects: ObjectClient): Promise<number | undefined> {
  try {
    return (await objects.page('QueuedMessage', { filter: {}, page: 1, limit: 1 })).total
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

function describe(status: ShownStatus, waiting: number | undefined, nowMs: number): string {
  const { version, hostName, startedAtMs, domains, accounts, listeners, queue } = status
  const seconds = Math.max(0, Math.floor((nowMs - startedAtMs) / 1000))
  const rows = listeners.map(({ service, ip, port, security }) => [
    service,
    `${ip.includes(':') ? `[${ip}]` : ip}:${port}`,
    security,
  ])
  const waitingText = waiting === undefined ? '' : `, ${counted(waiting, 'message')} in the queue`
  return [
    `Postern ${printable(version)} on ${printable(hostName)}, running for ${formatDuration(seconds * 1000)}\n`,
    `${counted(domains, 'domain')}, ${counted(accounts, 'account')}${waitingText}\n`,
    queueText(queue, nowMs),
    '\n',
    table(['SERVICE', 'ADDRESS', 'SECURITY'], rows),
  ].join('')
}

/** A server that does not know its queue says nothing of it. */
function queueText(queue: ShownStatus['queue'] | undefined, nowMs: number): string {
  if (queue?.paused === undefined) return ''
  const { at, by } = queue.paused
  const since = formatDuration(Math.max(0, Math.floor((nowMs - Date.parse(at)) / 1000)) * 1000)
  return `The queue has been paused for ${since} by ${printable(by)}: \`postern queue resume\` lets mail out again\n`
}
