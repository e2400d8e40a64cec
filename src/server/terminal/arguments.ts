/** The command line of the server itself; what administers a running one is `postern`, in cli/. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Advice } from './advice.ts'

export interface ServerArguments {
  readonly do: 'start' | 'help' | 'version'
  /** Absolute. */
  readonly directory: string
  readonly configPath: string | undefined
}

export const usage = `Usage: npm start -- [--config FILE] [--data DIR]

Starts the mail server. It runs until it gets SIGTERM, or Ctrl-C.

  --config FILE  settings in TOML; without it the server binds to 127.0.0.1 only
  --data DIR     where mail is kept (or POSTERN_DATA; default: ./data)
  --help         this text
  --version      the version

SIGHUP reads the settings again.
`

/** Throws Advice. Without `--data` the environment's POSTERN_DATA holds, else `data` in the current directory. */
export function readArguments(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ServerArguments {
  const { values, positionals } = parse(args)
  const [command = 'start', extra] = positionals
  if (command !== 'start' || extra !== undefined) {
    throw new Advice(`"${extra ?? command}" is not something this program can do.\n\n${usage}`)
  }
  for (const name of ['config', 'data'] as const) {
    if (values[name] === '') throw new Advice(`--${name} needs a path behind it.\n\n${usage}`)
  }
  const given = environment['POSTERN_DATA']
  const directory = values.data ?? (given === undefined || given === '' ? 'data' : given)
  return {
    do: values.help ? 'help' : values.version ? 'version' : 'start',
    directory: resolve(directory),
    configPath: values.config,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('. ')
    throw new Advice(`${sentence.replace(/\.$/, '')}.\n\n${usage}`, { cause: error })
  }
}
