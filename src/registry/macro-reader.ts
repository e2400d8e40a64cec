/**
 * What the macros of a configuration file read: the environment that the process was started with, and files,
 * whose relative names count from the directory of the configuration file.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { MacroReader } from '#settings/macro.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads each file once. */
export function macroReader(environment: Environment, directory: string): MacroReader {
  const files = new Map<string, string | undefined>()
  return (kind, name) => {
    if (kind === 'env') return environment[name]
    const path = resolve(directory, name)
    if (!files.has(path)) files.set(path, readText(path))
    return files.get(path)
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
