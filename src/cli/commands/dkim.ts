/** `postern dkim ...`: the keys that mail of the domains is signed with. */
import type { Command } from 'commander'
import { assignmentArgument } from '../assignment.ts'
import { type Context, contextOf } from '../context.ts'
import { readText } from '../document.ts'
import { CliFailure, usageFailure } from '../failure.ts'
import { notUnderstood } from '../server-answer.ts'
import { printable, type Terminal } from '../terminal.ts'
import { wantedChange } from '../values-input.ts'
import { askRecords } from '../zone-client.ts'
import { addNoun, examplesOf } from './noun.ts'

interface CreateFlags {
  readonly keyFile?: string
  readonly keyEnv?: string
}

export function addDkimCommands(program: Command, terminal: Terminal): void {
  const dkim = addNoun(program, terminal, {
    word: 'dkim',
    called: 'DKIM key',
    argument: '<key>',
    object: 'DkimSignature',
    example: 'mail._domainkey.example.org',
    description: 'the keys that mail of the domains is signed with',
    change: 'stage=active',
    reset: 'headers',
    warning:
      'Mail that was signed with it and is on its way can be checked only as long as its record stays.',
    none: 'There are no DKIM keys; those of a new domain come soon after it.',
  })
  addCreate(dkim, terminal)
  addRotate(dkim, terminal)
}

function addCreate(dkim: Command, terminal: Terminal): void {
  dkim
    .command('create')
    .description('make a key besides those that the server makes by itself, or bring one')
    .argument('<domain>', 'such as example.org')
    .argument('[field=value...]', '`postern describe DkimSignature` lists the fields', assignmentArgument)
    .option('--key-file <file>', 'the private key in PEM; - is standard input')
    .option('--key-env <name>', 'the private key in PEM, in an environment variable')
    .addHelpText(
      'after',
      examplesOf(
        'dkim create example.org algorithm=rsa',
        'dkim create example.org selector=mail --key-file /etc/mail/dkim.pem',
      ),
    )
    .action(async (domain: string, args: readonly string[], o: CreateFlags, self: Command) => {
      const context = contextOf(self, terminal)
      const object = await context.objects.describe('DkimSignature')
      const { values } = await wantedChange(context, object, { args, o: {}, whose: domain })
      const privateKey = await givenKey(context, o)
      const made = await context.objects.create('DkimSignature', {
        domain,
        ...values,
        ...(privateKey === undefined ? {} : { privateKey }),
      })
      const said = `The DKIM key ${made.id} was created.`
      context.show(made, `${printable(said)}\n${await nextText(context, domain, [made.id])}`)
    })
}

async function givenKey({ terminal, inputIsTaken }: Context, o: CreateFlags): Promise<string | undefined> {
  const { keyFile, keyEnv } = o
  if (keyFile !== undefined && keyEnv !== undefined)
    throw usageFailure('there is one key', 'say --key-file or --key-env')
  if (keyFile === '-' && inputIsTaken)
    throw usageFailure('standard input cannot be two things', 'put the key in a file')
  if (keyFile !== undefined) return readText(keyFile, terminal)
  if (keyEnv === undefined) return undefined
  const text = terminal.env[keyEnv]
  if (text === undefined || text === '') throw new CliFailure(`the environment has no ${keyEnv}`)
  return text
}

function addRotate(dkim: Command, terminal: Terminal): void {
  dkim
    .command('rotate')
    .description('exchange the keys of a domain before their time')
    .argument('<domain>', 'such as example.org')
    .option('--now', 'sign nothing any more with those that there are: somebody else may have them')
    .addHelpText(
      'after',
      `
Without --now the keys that there are go on signing until the records of the
new ones are seen in the DNS. With it mail goes unsigned until then.
${examplesOf('dkim rotate example.org', 'dkim rotate example.org --now')}`,
    )
    .action(async (domain: string, o: { now?: true }, self: Command) => {
      const context = contextOf(self, terminal)
      const query = o.now === true ? '?now=true' : ''
      const path = `/api/dkim/${encodeURIComponent(domain)}/rotate${query}`
      const done = await context.api.ask('POST', path)
      const { created, retired } = readRotated(done)
      const waiting =
        created.length > 0
          ? created
          : (await context.objects.all('DkimSignature', { domain, stage: 'pending' })).map(({ id }) => id)
      const said =
        created.length === 0
          ? `The next keys of ${domain} wait for their records already.`
          : `${created.length === 1 ? 'A new key was' : `${created.length} new keys were`} made for ${domain}.`
      context.show(
        done,
        `${printable(said)}\n${await nextText(context, domain, waiting)}${removeText(retired)}`,
      )
    })
}

function readRotated(given: unknown): {
  readonly created: readonly string[]
  readonly retired: readonly string[]
} {
  const { created, retired } = (given ?? {}) as { created?: unknown; retired?: unknown }
  if (!Array.isArray(created) || !Array.isArray(retired)) throw notUnderstood()
  return { created: created.map(String), retired: retired.map(String) }
}

/** What to publish of these keys. */
async function nextText(context: Context, domain: string, names: readonly string[]): Promise<string> {
  if (context.wantsJson) return ''
  const records = await askRecords(context.api, domain, { check: false })
  const lines = records
    .filter(({ name }) => names.includes(name.slice(0, -1)))
    .map(({ name, type, content }) => `  ${printable(`${name} IN ${type} ${content}`)}\n`)
  if (lines.length === 0) return ''
  const what = lines.length === 1 ? 'this record. The key signs' : 'these records. The keys sign'
  return `Next: publish ${what} nothing until it is seen in the DNS.\n${lines.join('')}`
}

const removeText = (names: readonly string[]): string =>
  names.length === 0
    ? ''
    : `And remove these records, so that nothing signed with the old keys is believed:\n${names.map((name) => `  ${printable(name)}.\n`).join('')}`
