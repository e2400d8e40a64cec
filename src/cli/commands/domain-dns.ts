/** `postern domain dns`: the records that a domain needs, to be published, and how the DNS compares with them. */
import type { Command } from 'commander'
import type { ShownRecord } from '#admin/dns-records.ts'
import { lackingOf, zoneText } from '#cert/dns-records.ts'
import { contextOf } from '../context.ts'
import { QuietExit } from '../failure.ts'
import { counted, wrap } from '../layout.ts'
import { painted, printable, type Terminal } from '../terminal.ts'
import { askRecords } from '../zone-client.ts'
import { examplesOf } from './noun.ts'

export function addDnsCommand(domain: Command, terminal: Terminal): void {
  domain
    .command('dns')
    .description('print the DNS records that a domain needs, as a zone file has them')
    .argument('<name>', 'such as example.org')
    .option('--check', 'compare them with what the DNS has; ends with 1 where something must be done')
    .addHelpText(
      'after',
      examplesOf('domain dns example.org', 'domain dns example.org --check', 'domain dns example.org --json'),
    )
    .action(async (name: string, o: { check?: true }, self: Command) => {
      const context = contextOf(self, terminal)
      const check = o.check === true
      const records = await askRecords(context.api, name, { check })
      if (!check) return context.show(records, zoneOf(name, records))
      const open = records.filter(mustBeDone).length
      const end = open === 0 ? 'Nothing must be done.\n' : `${counted(open, 'thing')} must be done.\n`
      for (const text of lackingOf(records))
        for (const line of `warning: ${text}`.split('\n')) context.note(line)
      context.show(records, `${records.map((one) => checkedText(one, terminal)).join('')}\n${end}`)
      if (open > 0) throw new QuietExit(1)
    })
}

const zoneOf = (name: string, records: readonly ShownRecord[]): string => {
  const lines = records.map((one) => ({ ttl: 3600, note: '', ...one }))
  return zoneText(name, lines).split('\n').map(printable).join('\n')
}

/** What is not for everybody may be missing. */
const mustBeDone = ({ result, onlyIf }: ShownRecord): boolean =>
  result === 'wrong' || result === 'foreign' || (result === 'missing' && onlyIf === undefined)

const colours = { ok: 'green', missing: 'red', wrong: 'red', foreign: 'yellow', unknown: 'dim' } as const

function checkedText(one: ShownRecord, terminal: Terminal): string {
  const { purpose, type, name, content, result = 'unknown', found = [], said, onlyIf } = one
  const indent = ' '.repeat(9)
  const line = (text: string): string => wrap(text, terminal.columns, indent)
  const head = `${painted(terminal, colours[result], result.padEnd(9))}${printable(`${purpose} ${name}`)}\n`
  const reason = said === undefined ? '' : line(said)
  if (result === 'ok') return head + reason
  const there = found.map((data) => line(`found: ${data}`)).join('')
  const condition = onlyIf === undefined ? '' : line(`only ${onlyIf}`)
  // Whole, to be copied.
  const wanted = content === '' ? '' : `${indent}-> ${printable(`${name} IN ${type} ${content}`)}\n`
  return head + reason + there + condition + (result === 'unknown' ? '' : wanted)
}
