/** `postern account index` and `postern account reindex`: the search indexes of accounts. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { approximateSize } from '#base/size.ts'
import { counted } from '../layout.ts'
import { notUnderstood } from '../server-answer.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

interface Status {
  readonly accounts: number
  readonly behind: number
  readonly messages: number
  readonly waiting: number
  readonly segments: number
  readonly sizeBytes: number
}

const pollMs = 1000

export function addIndexCommands(account: Command, terminal: Terminal): void {
  account
    .command('index')
    .description('how much of the mail the search index has, of an account or of all')
    .argument('[address]', 'its name, or its id; without it all accounts')
    .addHelpText('after', examplesOf('account index alice@example.org', 'account index --json'))
    .action(async (name: string | undefined, _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const status = readStatus(await context.api.ask('GET', `/api/search/index${queryFor(name)}`))
      context.show(status, describe(status))
    })
  account
    .command('reindex')
    .description(
      'make the search index of an account anew, or those of all; searches find the same meanwhile',
    )
    .argument('[address]', 'its name, or its id; without it all accounts')
    .option('--wait', 'say how far it is, and end when it is done')
    .addHelpText('after', examplesOf('account reindex alice@example.org', 'account reindex --wait'))
    .action(async (name: string | undefined, o: { wait?: true }, command: Command) => {
      const context = contextOf(command, terminal)
      const done = await context.api.ask('POST', `/api/search/reindex${queryFor(name)}`)
      if (o.wait === true) {
        const ask = async () => readStatus(await context.api.ask('GET', `/api/search/index${queryFor(name)}`))
        const status = await untilDone(ask, terminal)
        context.show(status, describe(status))
        return
      }
      const what = name === undefined ? 'indexes of all accounts are' : `index of ${printable(name)} is`
      context.show(
        done ?? null,
        `The search ${what} being made anew. \`postern account index\` tells how far it is.\n`,
      )
    })
}

const queryFor = (name: string | undefined): string =>
  name === undefined ? '' : `?account=${encodeURIComponent(name)}`

async function untilDone(ask: () => Promise<Status>, terminal: Terminal): Promise<Status> {
  for (;;) {
    const status = await ask()
    const { messages, waiting, behind } = status
    if (behind === 0) {
      terminal.progress('')
      return status
    }
    const percent = Math.floor((100 * (messages - waiting)) / messages)
    terminal.progress(`${messages - waiting} of ${counted(messages, 'message')} (${percent} %)`)
    await wait(pollMs)
  }
}

function readStatus(data: unknown): Status {
  const status = (data ?? {}) as Partial<Status>
  if (![status.messages, status.waiting, status.behind].every(Number.isFinite)) throw notUnderstood()
  return status as Status
}

function describe({ accounts, behind, messages, waiting, segments, sizeBytes }: Status): string {
  const indexed = messages - waiting
  return [
    `${counted(accounts, 'account')}, ${counted(messages, 'message')}\n`,
    `in the index: ${counted(indexed, 'message')}, in ${counted(segments, 'segment')} of ${approximateSize(sizeBytes)} altogether\n`,
    waiting === 0
      ? ''
      : `not in it: ${counted(waiting, 'message')}, which searches read; up to 63 of an account may wait\n`,
    behind === 0 ? '' : `being made: the index of ${counted(behind, 'account')}\n`,
  ].join('')
}
