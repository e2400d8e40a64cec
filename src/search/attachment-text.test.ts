import assert from 'node:assert/strict'
import test from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { attachmentKind, attachmentText, beginsAs } from './attachment-text.ts'
import { AttachmentThread } from './attachment-thread.ts'
import { officeText } from './office-text.ts'
import { rtfText } from './rtf-text.ts'
import { xmlText } from './xml-text.ts'

const zip = (files: Readonly<Record<string, string>>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])))

/** One page with one line. */
const pdf = (line: string): Uint8Array => {
  const content = `BT /F1 18 Tf 10 100 Td (${line}) Tj ET`
  return Buffer.from(
    `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length ${content.length}>>stream
${content}
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
`,
    'latin1',
  )
}

test('the type says what an attachment is, or else its name', () => {
  assert.equal(attachmentKind('application/pdf', 'x'), 'pdf')
  assert.equal(
    attachmentKind('application/vnd.openxmlformats-officedocument.wordprocessingml.document', undefined),
    'office',
  )
  assert.equal(attachmentKind('application/vnd.oasis.opendocument.text', undefined), 'office')
  assert.equal(attachmentKind('application/octet-stream', 'Report.DOCX'), 'office')
  assert.equal(attachmentKind('application/octet-stream', 'photo.jpg'), undefined)
  assert.equal(attachmentKind('image/png', 'scan.pdf'), undefined)
})

test('what is only called a document is known by its beginning', () => {
  assert.ok(beginsAs('pdf', pdf('x')))
  assert.ok(beginsAs('pdf', Buffer.concat([Buffer.alloc(1000), pdf('x')])))
  assert.ok(!beginsAs('pdf', Buffer.concat([Buffer.alloc(1024), pdf('x')])))
  assert.ok(beginsAs('office', zip({ 'content.xml': '' })))
  assert.ok(beginsAs('rtf', Buffer.from('\n{\\rtf1 x}')))
  for (const kind of ['pdf', 'office', 'rtf'] as const) {
    assert.ok(!beginsAs(kind, Buffer.from('something else')))
    assert.ok(!beginsAs(kind, Buffer.alloc(0)))
  }
})

test('text of XML: runs go on, paragraphs end, codes of fields are not read', () => {
  const paragraph =
    '<w:p><w:r><w:t>Quar</w:t></w:r><w:r><w:t>terly &amp; more</w:t></w:r></w:p><w:p><w:instrText>PAGE</w:instrText><w:t>caf&#xE9; &#233;&#x110000;</w:t></w:p>'
  assert.equal(xmlText(paragraph), 'Quarterly & more\ncafé é\n')
  assert.equal(xmlText('<a><b'), '')
  assert.equal(xmlText('a<'), 'a')
})

test('documents of Word, Excel, PowerPoint and OpenDocument', () => {
  const word = zip({
    '[Content_Types].xml': '<x>nothing</x>',
    'word/document.xml': '<w:p><w:t>invoice</w:t></w:p>',
    'word/header1.xml': '<w:p><w:t>letterhead</w:t></w:p>',
  })
  assert.equal(officeText(word, 1 << 20), 'invoice\n\nletterhead\n')
  const sheet = zip({ 'xl/sharedStrings.xml': '<sst><si><t>one</t></si><si><t>two</t></si></sst>' })
  assert.equal(officeText(sheet, 1 << 20), 'one\ntwo\n')
  assert.equal(
    officeText(zip({ 'ppt/slides/slide1.xml': '<a:p><a:t>slide</a:t></a:p>' }), 1 << 20),
    'slide\n',
  )
  assert.equal(officeText(zip({ 'content.xml': '<text:p>open</text:p>' }), 1 << 20), 'open\n')
})

test('of an archive that grows without end little more than the limit is inflated', () => {
  const bomb = zip({ 'word/document.xml': 'a'.repeat(50 << 20), 'word/header1.xml': 'late' })
  assert.ok(bomb.length < 100_000)
  const before = process.memoryUsage.rss()
  const { length } = officeText(bomb, 1 << 20)
  assert.ok(length >= 1 << 20 && length < 6 << 20)
  assert.ok(process.memoryUsage.rss() - before < 40 << 20)
})

test('Rich Text: code pages, Unicode, tables of fonts and pictures left out', () => {
  const rtf = String.raw`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}}{\*\generator x;}\pard Caf\'e9 \u8364?5 \{x\}\par next{\pict 0102}}`
  assert.equal(rtfText(rtf), 'Café €5 {x}\nnext')
  assert.equal(rtfText('}}}{{{\\u'), '?')
})

test('Rich Text: characters of two bytes, what stands for Unicode in older readers, signs, binary data', () => {
  assert.equal(rtfText(String.raw`{\rtf1\ansicpg932 \'93\'fa\'96\'7b}`), '日本')
  assert.equal(rtfText(String.raw`{\rtf1\ansicpg932{\uc2\u26085\'93\'fa\u26412\'96\'7b}\u8364?.}`), '日本€.')
  assert.equal(rtfText(String.raw`{\rtf1\uc0\u26085\u26412 x}`), '日本x')
  assert.equal(rtfText(String.raw`{\rtf1 don\rquote t\emdash so}`), 'don’t—so')
  assert.equal(rtfText(String.raw`{\rtf1 a{\pict\bin4 }}{{}b}`), 'ab')
})

test('PDF', async () => {
  assert.match(await attachmentText('pdf', pdf('Hello quarterly invoice')), /Hello quarterly invoice/)
  await assert.rejects(attachmentText('pdf', Buffer.from('%PDF-1.4 broken')))
})

test('whatever the bytes are, text or nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(), async (bytes, cut) => {
      assert.equal(typeof (await attachmentText('office', bytes)), 'string')
      assert.equal(typeof (await attachmentText('rtf', bytes)), 'string')
      const word = zip({ 'word/document.xml': '<w:p><w:t>invoice</w:t></w:p>' })
      const broken = word.slice(0, cut % word.length)
      assert.equal(typeof (await attachmentText('office', broken)), 'string')
      word[cut % word.length]! ^= bytes[0] ?? 255
      assert.equal(typeof (await attachmentText('office', word)), 'string')
    }),
    { numRuns: 200 },
  )
})

const spawn = (): Worker =>
  new Worker(new URL('../server/main.ts', import.meta.url), { workerData: { role: 'attachment' } })

test('a thread reads; one that takes too long, or dies, is followed by another', async () => {
  let spawned = 0
  const counted = (): Worker => {
    spawned++
    return spawn()
  }
  {
    await using reader = new AttachmentThread({ spawn: counted, mostMs: 120_000 })
    assert.match(await reader.read('pdf', pdf('first')), /first/)
    assert.equal(await reader.read('pdf', Buffer.from('broken')), '')
    assert.match(await reader.read('pdf', pdf('second')), /second/)
    assert.equal(spawned, 1)
  }
  await using hasty = new AttachmentThread({ spawn: counted, mostMs: 1 })
  assert.equal(await hasty.read('pdf', pdf('slow')), '')
  assert.equal(await hasty.read('pdf', pdf('slow')), '')
  assert.equal(spawned, 3)
})
