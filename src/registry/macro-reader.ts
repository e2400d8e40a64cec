/**
 * What the macros of a configuration file read: the environment that the process was started with, and files,
 * whose relative names count from the directory of the configuration file.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { MacroReader } from '#settings/macro.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export const macroReader =
  (environment: Environment, directory: string): MacroReader =>
  (kind, name) =>
    kind === 'env' ? environment[name] : readText(resolve(directory, name))

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
