/** `postern queue pause` and `resume`: whether anything leaves the queue. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { notUnderstood } from '../server-answer.ts'
import type { Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

export function addPauseCommands(queue: Command, terminal: Terminal): void {
  const change = async (self: Command, action: 'stop' | 'start', said: Record<'was' | 'is', string>) => {
    const context = contextOf(self, terminal)
    const wasRunning = await context.api.ask('PATCH', `/api/queue/status/${action}`)
    if (typeof wasRunning !== 'boolean') throw notUnderstood()
    const isSame = wasRunning === (action === 'start')
    context.show({ running: action === 'start', wasRunning }, isSame ? said.was : said.is)
  }
  queue
    .command('pause')
    .description('let nothing out until it is resumed, over restarts too; what is on its way goes on')
    .addHelpText('after', examplesOf('queue pause', 'queue pause --json'))
    .action((_o: object, self: Command) =>
      change(self, 'stop', {
        was: 'The queue is paused already.\n',
        is: 'The queue is paused. `postern queue resume` lets mail out again.\n',
      }),
    )
  queue
    .command('resume')
    .description('let mail out again')
    .addHelpText('after', examplesOf('queue resume', 'queue resume --json'))
    .action((_o: object, self: Command) =>
      change(self, 'start', {
        was: 'The queue was not paused.\n',
        is: 'The queue lets mail out again.\n',
      }),
    )
}
