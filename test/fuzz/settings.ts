/** Fuzz targets of the configuration file: TOML with its lines, macros, and what settings are written in. */
import assert from 'node:assert/strict'
import { formatDuration, parseDuration } from '#base/duration.ts'
import { Fault } from '#base/fault.ts'
import { formatSize, parseSize } from '#base/size.ts'
import { settingsObjects } from '#server/catalog.ts'
import { expandMacros } from '#settings/macro.ts'
import { mergeLayers } from '#settings/merge.ts'
import { readDocument } from '#settings/read.ts'
import { leavesOf, parseToml } from '#settings/toml.ts'

const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

function quietly(body: () => void): void {
  try {
    body()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
  }
}

/** Every value knows a line that is there, and all settings can be read or name what is wrong. */
function toml(bytes: Uint8Array): void {
  const text = utf8(bytes)
  quietly(() => {
    const document = parseToml(text, 'fuzz.toml')
    const lines = text.split('\n').length
    for (const { line } of leavesOf(document.root)) assert.ok(line >= 1 && line <= lines)
    const { layer } = readDocument(document, settingsObjects, () => undefined)
    mergeLayers(settingsObjects, [layer])
  })
}

function macros(bytes: Uint8Array): void {
  const text = utf8(bytes)
  quietly(() => void expandMacros(text, () => text.slice(0, 10)))
}

/** What was understood is understood again as it is shown. */
function amounts(bytes: Uint8Array): void {
  const text = utf8(bytes)
  const durationMs = parseDuration(text)
  if (durationMs !== undefined) assert.equal(parseDuration(formatDuration(durationMs)), durationMs)
  const size = parseSize(text)
  if (size !== undefined) assert.equal(parseSize(formatSize(size)), size)
}

const parser = 'settings'

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void
}[] = [
  { name: 'settings TOML', parser, run: toml },
  { name: 'settings macros', parser, run: macros },
  { name: 'settings amounts', parser, run: amounts },
]
