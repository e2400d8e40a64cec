/** Every example of docs/cli.md, in its order, on a new server. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { serve, wordsOf } from './fixture.test.ts'

const guide = readFileSync(path.join(import.meta.dirname, '../../docs/cli.md'), 'utf8')
const blocks = [...guide.matchAll(/^```(\w+) ?(\S*)\n([^]*?)^```$/gm)].map(([, kind, file, text]) => ({
  kind: kind!,
  file: file!,
  text: text!,
}))

test('all examples of the guide work as they stand', async (t) => {
  const { data, postern } = await serve(t)
  const inData = (name: string): string => path.join(data, name)
  const names = blocks.map(({ file }) => file).filter((file) => file !== '')
  for (const { file, text } of blocks) {
    // Files stand in the directory where the commands are typed.
    const whole = names.reduce((all, name) => all.replaceAll(`"${name}"`, `"${inData(name)}"`), text)
    if (file !== '') writeFileSync(inData(file), whole)
  }
  const lines = blocks.filter(({ kind }) => kind === 'sh').flatMap(({ text }) => text.trim().split('\n'))
  assert.ok(lines.length > 40)
  for (const line of lines) {
    const wanted = Number(/# ends with (\d+)$/.exec(line)?.[1] ?? 0)
    let input = ''
    for (const part of line.replace(/\s+#.*$/, '').split(' | ')) {
      const [program, ...words] = wordsOf(part)
      if (program === 'pass') input = 'a fresh horse battery\n'
      else {
        assert.equal(program, 'postern', line)
        const placed = words.map((word) =>
          /^[\w-]+\.(?:toml|json|ndjson)$/.test(word) ? inData(word) : word,
        )
        const { code, out, err } = await postern(placed, { input })
        assert.equal(code, wanted, `${line}: ${err}`)
        assert.equal(err, '', line)
        input = out
      }
    }
  }
  assert.ok(existsSync(inData('organisation.json')))
})
