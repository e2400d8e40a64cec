import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '../../../test/harness/store.ts'
import { runLine } from '../fixture.test.ts'

const directory = temporaryDirectory()
const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}
const svg = (inner: string): string =>
  `<svg version="1.2" baseProfile="tiny-ps" xmlns="http://www.w3.org/2000/svg"><title>Example</title>${inner}</svg>`

test('a logo that fits: what to publish, and where to put it', async () => {
  const good = file('good.svg', svg('<circle cx="5" cy="5" r="5"/>'))
  const { code, out } = await runLine(`bimi check ${good} --domain example.com`, { columns: 80 })
  assert.equal(code, 0)
  assert.match(out, / is as it should be\.\n\n1\. Put the file at https:\/\/example\.com\/bimi\/logo\.svg/)
  assert.match(
    out,
    /\ndefault\._bimi\.example\.com\. 3600 IN TXT "v=BIMI1; l=https:\/\/example\.com\/bimi\/logo\.svg"\n$/,
  )
  const line = `bimi check ${good} --at https://a.example/x;y --evidence https://a.example/vmc.pem --json`
  assert.deepEqual(JSON.parse((await runLine(line)).out), {
    ok: true,
    sizeBytes: svg('<circle cx="5" cy="5" r="5"/>').length,
    record:
      'default._bimi.example.org. 3600 IN TXT "v=BIMI1; l=https://a.example/x%3By; a=https://a.example/vmc.pem"',
  })
})

test('one that does not: why, and a wrong address or file', async () => {
  const bad = file('bad.svg', svg('<script>alert(1)</script>'))
  const refused = await runLine(`bimi check ${bad}`)
  assert.equal(refused.code, 1)
  assert.match(refused.err, /will not be shown: .*script/)
  const good = file('good2.svg', svg(''))
  assert.equal((await runLine(`bimi check ${good} --at http://a.example/`)).code, 64)
  assert.equal((await runLine(`bimi check ${good} --domain a..b`)).code, 64)
  assert.match((await runLine(`bimi check ${directory}/none.svg`)).err, /is not there/)
})
