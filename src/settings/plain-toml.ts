/** A TOML file that is no configuration, such as a plan of the command line: plain objects and arrays, dates as text. */
import { parse, TomlError } from 'smol-toml'
import { Fault } from '#base/fault.ts'

/** Throws Fault `invalid` with name, line and reason; of the text nothing is repeated. */
export function parsePlainToml(text: string, name: string): Readonly<Record<string, unknown>> {
  try {
    // Dates become text, as they are in JSON.
    return JSON.parse(JSON.stringify(parse(text, { unsafeKeyBehaviour: 'throw', maxDepth: 100 }))) as Record<
      string,
      unknown
    >
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const reason = error.message.split('\n')[0]!.replace('Invalid TOML document: ', '')
    throw new Fault('invalid', `${name}:${error.line}: ${reason}`, {}, { cause: error })
  }
}
