/** That the work of checking and of signing grows with the message and no faster, whatever the message is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latin1 } from '#base/bytes.ts'
import { countWork } from '../../test/harness/count-work.ts'

const field =
  'DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=e;\r\n h=NAMES;\r\n bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA'
const signature = (names: string) => `${field.replace('NAMES', names)}\r\n`
const rest = 'From: a@example.com\r\n\r\n'

/** Messages that are large in one way each, by how large. */
const shapes: Readonly<Record<string, (n: number) => string>> = {
  'a folded field': (n) => `${signature('from:x')}X: ${'a\r\n \t'.repeat(n)}\r\n${rest}`,
  'white space in a field': (n) => `${signature('from:x')}X: ${' \t'.repeat(n)}\r\n${rest}`,
  'fields of one name': (n) => signature(`from${':x'.repeat(n)}`) + 'X: 1\r\n'.repeat(n) + rest,
  'names for few fields': (n) => signature(`from${':x:y'.repeat(n)}`) + rest,
  'fields of many names': (n) =>
    signature('from') + Array.from({ length: n }, (_, i) => `X${i + 10_000}: 1\r\n`).join('') + rest,
  signatures: (n) => signature('from').repeat(n) + rest,
  tags: (n) => `${field}; ${Array.from({ length: n }, (_, i) => `x${i + 10_000}=1;`).join('')}\r\n${rest}`,
  'white space in a signature': (n) => `${field};${'\r\n '.repeat(n)}x=1\r\n${rest}`,
  'lines that are no fields': (n) => `${signature('from:x')}X: 1\r\n${'junk\r\n'.repeat(n)}${rest}`,
  'lines of white space in the body': (n) => `${signature('from')}${rest}a${' \r\n'.repeat(n)}b`,
  'white space in the body': (n) => `${signature('from')}${rest}a${' \r \t'.repeat(n)}`,
}

const work = (name: 'check' | 'signed', messages: readonly string[]) =>
  countWork({
    module: import.meta.resolve('./dkim-fixture.test.ts'),
    name,
    inputs: messages.map(latin1),
    files: /\/src\/(?:mailauth|message|base)\//,
  })

for (const name of ['check', 'signed'] as const) {
  test(`${name}: what is twice as large is no more than twice the work`, async () => {
    const names = Object.keys(shapes)
    const messages = Object.values(shapes).flatMap((shape) => [shape(500), shape(1000), shape(2000)])
    const counts = await work(name, messages)
    for (const [i, shape] of names.entries()) {
      const [once, twice, four] = counts.slice(i * 3) as [number, number, number]
      // Linear work gives 2 here and quadratic work 4; what runs only once ever disturbs a little.
      assert.ok(four - twice <= 3 * (twice - once) + 100, `${shape}: ${once}, ${twice}, ${four}`)
    }
  })
}

test('a header of a megabyte, 10,000 fields, 200 signatures', async () => {
  const messages = [
    shapes['a folded field']!(200_000),
    shapes['fields of one name']!(10_000),
    shapes['fields of many names']!(10_000),
    shapes['signatures']!(200),
  ]
  const counts = await work('check', messages)
  for (const [i, message] of messages.entries()) {
    assert.ok(counts[i]! <= 10 * message.length, `${counts[i]} for ${message.length} bytes`)
  }
})
