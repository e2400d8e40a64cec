import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import { dottedKey, leavesOf, nodeAt, parseToml } from './toml.ts'

/** `key = value @line` for each leaf. */
const flat = (text: string): readonly string[] =>
  [...leavesOf(parseToml(text, 'f').root)].map(
    (l) => `${dottedKey(l.path)} = ${JSON.stringify(l.value)} @${l.line}`,
  )

test('every leaf knows its dotted key and its line', () => {
  const text = `# a comment = 1
a = 1
"b.c".d = """
x = 1
""""
[t] # [no]
x.y = [ 1,
  # ] = 2
  "]" ]
'q "' = '''it's '''

  z = { p = 1, q = { r = "}\\"" } }
[t.sub]
k = "\\\\"
[[list]]
n = 1
[[list]]
n = 2
[list.in]
m = 3
`
  assert.deepEqual(flat(text), [
    'a = 1 @2',
    '"b.c".d = "x = 1\\n\\"" @3',
    't.x.y = [1,"]"] @7',
    't."q \\"" = "it\'s " @10',
    't.z.p = 1 @12',
    't.z.q.r = "}\\"" @12',
    't.sub.k = "\\\\" @14',
    'list = [{"n":1},{"n":2,"in":{"m":3}}] @15',
  ])
})

test('arrays of tables with an id are tables by that id', () => {
  const text = `[[server.listener]]
id = "smtp"
tls.implicit = false
[[server.listener.net]]
id = "a"
b = 1

[[server.listener]]
bind = ["x"]
id = "imap"
[server.listener.more]
c = 2
`
  assert.deepEqual(flat(text), [
    'server.listener.smtp.tls.implicit = false @3',
    'server.listener.smtp.net.a.b = 1 @6',
    'server.listener.imap.bind = ["x"] @9',
    'server.listener.imap.more.c = 2 @12',
  ])
  const document = parseToml(text, 'f')
  assert.equal(nodeAt(document, ['server', 'listener', 'smtp'])?.line, 1)
  assert.equal(nodeAt(document, ['server', 'listener', 'imap'])?.line, 8)
  assert.equal(nodeAt(document, ['server', 'listener', 'pop3', 'x']), undefined)
  assert.deepEqual(flat('l = [{ id = "a", x = 1 }]'), ['l.a.x = 1 @1'])
})

test('windows line ends and a byte order mark', () => {
  assert.deepEqual(flat('\uFEFFa = 1\r\n\r\n[t]\r\nb = 2\r\n'), ['a = 1 @1', 't.b = 2 @4'])
})

test('what cannot be read is a fault with file and line', () => {
  const fails = (text: string, message: RegExp): void =>
    assert.throws(
      () => parseToml(text, 'postern.toml'),
      (e) => isFault(e, 'invalid') && message.test(e.publicText) && !e.publicText.includes('\n'),
    )
  fails('a = 1\nb =\n', /^postern\.toml:2: /)
  fails('a = 1\n\na = 2', /^postern\.toml:3: .*redefine/)
  fails('[[l]]\nid = "a"\n[[l]]\nid = "a"', /^postern\.toml:3: l: the id "a" is used twice$/)
  fails('[[l]]\nid = "a"\n[[l]]\nx = 1', /^postern\.toml:3: l: each of these needs an id/)
  fails('[[l]]\nid = 5', /^postern\.toml:1: l: each of these needs an id/)
  fails('__proto__.x = 1', /^postern\.toml:1: /)
  fails(`a = ${'['.repeat(5000)}`, /^postern\.toml:1: /)
})

test('lines are right whatever stands between the statements', () => {
  const values = [
    '1',
    '"a # b"',
    "'[x]'",
    '"""\n[no]\n\\""""',
    "'''\nk = 1\n'''",
    '[1,\n2]',
    '{ a = "\\"", b = [1] }',
    '"\\\\"',
    '""',
    "''",
    '""""""',
  ]
  const between = ['', '\n', '# k = "\n', '  \n\t', '\r\n']
  const statement = fc.record({
    value: fc.constantFrom(...values),
    before: fc.constantFrom(...between),
    header: fc.constantFrom('', '', 'table', 'array'),
  })
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 12 }), (statements) => {
      let text = ''
      const expected = new Map<string, number>()
      statements.forEach(({ value, before, header }, i) => {
        text += before
        if (header === 'table') text += `[ t${i} . "x]y" ]\n`
        if (header === 'array') text += `[[ l ]] # c\nid = "i${i}"\n`
        expected.set(`k${i}`, text.split('\n').length)
        text += `k${i}.v = ${value}\n`
      })
      const seen = new Set<string>()
      for (const leaf of leavesOf(parseToml(text, 'f').root)) {
        const key = leaf.path.find((part) => /^k\d+$/.test(part))!
        assert.equal(leaf.line, expected.get(key), text)
        seen.add(key)
      }
      assert.equal(seen.size, statements.length)
    }),
  )
})

test('arbitrary text gives a document or a fault', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '=', '[', ']', '"', "'", '\n', '#', '{', '}', '.', '1', ' ', '\\', ',', 'id'),
  })
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (t) => {
      try {
        for (const leaf of leavesOf(parseToml(t, 'f').root))
          assert(leaf.line >= 1 && leaf.line <= t.split('\n').length)
      } catch (error) {
        assert(isFault(error, 'invalid'), String(error))
      }
    }),
    { numRuns: 3000 },
  )
})
