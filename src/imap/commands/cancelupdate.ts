/** CANCELUPDATE: the client no longer wants to know what becomes of the results of searches. */
import { command, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../wire/grammar.ts'

const DQUOTE = 0x22

export const cancelupdate = command<readonly string[]>({
  name: 'CANCELUPDATE',
  states: ['selected'],
  standard: 'RFC 5267 §4.3.5',
  parse: whole((args: Arguments) => {
    const tags: string[] = []
    do {
      args.sp()
      if (args.peek() !== DQUOTE) args.fail('expected a tag in quotes')
      tags.push(args.string().toString('latin1'))
    } while (!args.atEnd)
    return tags
  }),
  async run({ selectedView }, tags) {
    let areKnown = true
    for (const tag of tags) areKnown = selectedView.contexts.cancel(tag) && areKnown
    if (!areKnown) throw new Refusal('No search with that tag and UPDATE')
    return { text: 'No further updates' }
  },
})
