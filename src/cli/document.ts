/**
 * Files that commands are given: JSON, NDJSON or TOML, by what is in them, from a path or from standard input.
 */
import { readFile } from 'node:fs/promises'
import { isFault } from '#base/fault.ts'
import { parsePlainToml } from '#settings/plain-toml.ts'
import { CliFailure } from './failure.ts'
import type { Terminal } from './terminal.ts'

const mostBytes = 256 * 1024 * 1024

/** `-` is standard input. Throws CliFailure. */
export const readText = async (file: string, terminal: Terminal): Promise<string> =>
  (await readBytes(file, terminal)).toString('utf8')

export async function readBytes(file: string, terminal: Terminal): Promise<Buffer> {
  if (file === '-') return terminal.readInput(mostBytes)
  try {
    return await readFile(file)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : 'cannot be read'
    throw new CliFailure(`${file} ${why}`)
  }
}

/** What the text says. Several lines with an object each are an array. Throws CliFailure with the line. */
export function parseDocument(text: string, name: string): unknown {
  const shownName = name === '-' ? 'standard input' : name
  const first = text.trimStart()[0]
  if (first === undefined) throw new CliFailure(`${shownName} is empty`)
  const isToml = first === '[' ? tomlHeader.test(firstLineOf(text)) : first !== '{'
  if (!isToml) return parseJson(text, shownName)
  try {
    return parsePlainToml(text, shownName)
  } catch (error) {
    if (isFault(error)) throw new CliFailure(error.publicText)
    throw error
  }
}

/** `[Domain]`, `[[Account]]`, `[Account."alice@example.org"]`: in JSON no name without quotes follows the bracket. */
const tomlHeader = /^\[\[?\s*[A-Za-z]\w*\s*(?:\.\s*(?:[\w-]+|"[^"]*"|'[^']*')\s*)*\]/

const firstLineOf = (text: string): string => text.trimStart().split(/\r?\n/, 1)[0]!

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const lines = text.split(/\r?\n/)
    const objects = lines.flatMap((line, i) => (line.trim() === '' ? [] : [{ line, number: i + 1 }]))
    const isLines = objects.length > 1 && isJson(objects[0]!.line)
    if (!isLines) throw new CliFailure(`${name} is no JSON: ${placeOf(error, text)}`)
    return objects.map(({ line, number }) => {
      if (!isJson(line)) throw new CliFailure(`${name}:${number}: this line is no JSON`)
      return JSON.parse(line) as unknown
    })
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

/** Where it went wrong, without the text there: it may be a secret. */
function placeOf(error: unknown, text: string): string {
  const match = /position (\d+)/.exec(error instanceof Error ? error.message : '')
  if (match === null) return 'it ends too early, or something is missing'
  return `something is wrong in line ${text.slice(0, Number(match[1])).split('\n').length}`
}
