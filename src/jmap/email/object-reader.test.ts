import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlobContent } from '#mail/client-blob.ts'
import { MethodError } from '../errors.ts'
import type { JsonObject } from '../value.ts'
import { partReader } from './body-part-object.ts'
import { AnswerBudget, blobSource } from './source.ts'

const parts = 20
const message = Buffer.from(
  `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(parts)}--b--\r\n`,
)
const content: BlobContent = {
  sizeBytes: message.length,
  isEncoded: false,
  stored: undefined,
  passedBytes: 0,
  async *read(start = 0, end = message.length) {
    yield message.subarray(start, end)
  },
}

/** The whole tree, each part with as many fields that it does not have. */
async function tree(fields: number, budget: AnswerBudget): Promise<JsonObject> {
  const source = await blobSource('U', content, budget)
  const names = Array.from({ length: fields }, (_, i) => `header:x-${i}`)
  return partReader(['partId', 'subParts', ...names])({ source, one: source.tree })
}

/** Turns red where only texts count: a request of 10 MB asks 500 messages for 200 million values that are null. */
test('an answer has room for so many values, also of those that say nothing', async () => {
  const { subParts } = await tree(10, new AnswerBudget(64_000))
  assert.equal((subParts as JsonObject[]).length, parts)
  await assert.rejects(
    tree(1000, new AnswerBudget(64_000)),
    (error) => error instanceof MethodError && error.type === 'requestTooLarge',
  )
})
