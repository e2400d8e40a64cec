/** `postern push ...`: messages to clients of JMAP that are not connected. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { notUnderstood } from '../server-answer.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

export function addPushCommands(program: Command, terminal: Terminal): void {
  const push = program.command('push').description('messages to programs that are not connected')
  push
    .command('rotate')
    .description('exchange the key by which push services know the server')
    .option('--now', 'do not use the one that there is any more: somebody else may have it')
    .addHelpText(
      'after',
      `
Programs see the new key and subscribe anew. Without --now those that have not
yet are told of changes by the old key for 7 days; with it they are told
nothing until they have.
${examplesOf('push rotate', 'push rotate --now')}`,
    )
    .action(async (o: { now?: true }, self: Command) => {
      const context = contextOf(self, terminal)
      const query = o.now === true ? '?now=true' : ''
      const done = await context.api.ask('POST', `/api/push/rotate${query}`)
      const { publicKey, oldUntil } = (done ?? {}) as { publicKey?: unknown; oldUntil?: unknown }
      if (typeof publicKey !== 'string') throw notUnderstood()
      const old =
        typeof oldUntil === 'string'
          ? `Subscriptions that were made with the old one go on until ${oldUntil}.`
          : 'Subscriptions that were made with the old one have ended.'
      context.show(done, `${printable(`The key is ${publicKey} now.`)}\n${printable(old)}\n`)
    })
}
