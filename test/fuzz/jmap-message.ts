/**
 * Fuzz targets of messages as JMAP shows them: what is told from the stored envelope is what the header itself says,
 * values of every form are well formed, the lists of parts hold each part, and a cut text is a beginning.
 */
import assert from 'node:assert/strict'
import { envelopeValue } from '#jmap/email/email-object.ts'
import { HeaderIndex, namedHeaderProperties } from '#jmap/email/header-property.ts'
import { bodyLists, bodyTree, leavesOf } from '#message/body-parts.ts'
import { truncate } from '#message/body-value.ts'
import { headerForms } from '#message/header-forms.ts'
import { parseStructure } from '#message/mime.ts'
import { encodeStructure, StoredStructure } from '#message/structure-codec.ts'

const nothing = (): void => undefined

function shown(message: Uint8Array): void {
  const stored = new StoredStructure(encodeStructure(parseStructure(message)))
  const header = new HeaderIndex(message.subarray(0, stored.headerEnd), nothing)
  for (const [name, property] of namedHeaderProperties) {
    const value = header.value(property)
    assert.ok(JSON.stringify(value).isWellFormed())
    if (stored.fidelity.isExact) assert.deepEqual(envelopeValue(stored, name), value, name)
  }
  for (const form of headerForms) {
    const all = header.value({ field: 'subject', form, all: true })
    assert.ok(Array.isArray(all) && JSON.stringify(all).isWellFormed())
  }
  const tree = bodyTree(stored.parts())
  const { textBody, htmlBody, attachments } = bodyLists(tree)
  const leaves = leavesOf(tree)
  const listed = new Set([...textBody, ...htmlBody, ...attachments])
  assert.ok(leaves.every((part) => listed.has(part)) && listed.size === leaves.length)
  assert.equal(new Set(leaves.map(({ partId }) => partId)).size, leaves.length)
}

function cut(bytes: Uint8Array): void {
  const text = Buffer.from(bytes.subarray(2)).toString('utf8')
  const most = ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) % (2 * text.length + 1)
  for (const isHtml of [false, true]) {
    const start = truncate(text, most, isHtml)
    assert.ok(text.startsWith(start) && start.isWellFormed() && Buffer.byteLength(start) <= most)
  }
}

export const targets: readonly {
  readonly name: string
  readonly corpus: string
  run(bytes: Uint8Array): void
}[] = [
  { name: 'jmap message', corpus: 'message', run: shown },
  { name: 'jmap cut text', corpus: 'message', run: cut },
]
