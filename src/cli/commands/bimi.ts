/** `postern bimi`: a brand's own indicator, before it is published. It asks no server and no name server. */
import type { Command } from 'commander'
import { normaliseDomain } from '#base/domain-name.ts'
import { largestIndicatorBytes, readIndicator } from '#mailauth/bimi-svg.ts'
import { contextOf } from '../context.ts'
import { readBytes } from '../document.ts'
import { CliFailure, usageFailure } from '../failure.ts'
import { wrap } from '../layout.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

interface CheckFlags {
  readonly domain?: string
  readonly at?: string
  readonly evidence?: string
}

export function addBimiCommands(program: Command, terminal: Terminal): void {
  const bimi = program.command('bimi').description('the logo that mail programs show beside mail of a domain')
  bimi
    .command('check')
    .description('say whether a logo is as mail programs want it (SVG Tiny PS), and what to publish')
    .argument('<file>', 'the logo, an SVG; - is standard input')
    .option('--domain <domain>', 'whose mail it is for')
    .option('--at <url>', 'where it will be; https://<domain>/bimi/logo.svg where not given')
    .option('--evidence <url>', 'where its mark certificate (VMC or CMC) will be, for those who want one')
    .addHelpText('after', examplesOf('bimi check logo.svg', 'bimi check logo.svg --domain example.org'))
    .action(async (file: string, o: CheckFlags, self: Command) => {
      const context = contextOf(self, terminal)
      const domain = o.domain === undefined ? 'example.org' : normaliseDomain(o.domain)
      if (domain === undefined) throw usageFailure(`"${o.domain!}" is no domain`, 'such as example.org')
      const location = addressOf(o.at ?? `https://${domain}/bimi/logo.svg`)
      const evidence = o.evidence === undefined ? undefined : addressOf(o.evidence)
      const bytes = await readBytes(file, terminal)
      const read = readIndicator(bytes)
      if ('problem' in read)
        throw new CliFailure(`${file} will not be shown: ${read.problem}`, {
          hint: `the profile is SVG Tiny PS, at most ${largestIndicatorBytes / 1024} KiB, with a title, and without scripts, animations and links`,
        })
      const text = `v=BIMI1; l=${location}${evidence === undefined ? '' : `; a=${evidence}`}`
      const record = `default._bimi.${domain}. 3600 IN TXT "${text}"`
      context.show(
        { ok: true, sizeBytes: bytes.length, record },
        guide(file, { location, evidence, record, domain }, terminal),
      )
    })
}

/** As a record can have it: what ends a tag or a string is written otherwise. */
function addressOf(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url?.protocol !== 'https:')
    throw usageFailure(`"${given}" is no address of the web`, 'it begins with https://')
  return url.href.replaceAll(';', '%3B').replaceAll(',', '%2C')
}

interface Guide {
  readonly location: string
  readonly evidence: string | undefined
  readonly record: string
  readonly domain: string
}

function guide(file: string, { location, evidence, record, domain }: Guide, terminal: Terminal): string {
  const steps = [
    `Put the file at ${location}, with the type image/svg+xml.`,
    ...(evidence === undefined
      ? ['Some mail programs show it only with a mark certificate; say --evidence with its address then.']
      : [`Put the mark certificate with those of its issuers, in PEM, at ${evidence}.`]),
    `The DMARC policy of ${domain} must be p=quarantine or p=reject, without t=y: \`postern domain dns ${domain} --check\`.`,
  ]
  const list = steps.map((step, i) => wrap(`${i + 1}. ${step}`, terminal.columns, '')).join('')
  return `${printable(file)} is as it should be.\n\n${list}${steps.length + 1}. Publish this record:\n\n${record}\n`
}
