/**
 * Fuzz targets of `src/jmap`: requests with everything that is read of them before a method begins, and the small
 * grammars beside it; and the look at S/MIME before a library sees it. What a target throws is a find.
 */
import assert from 'node:assert/strict'
import { Fault, type PropertyProblem } from '#base/fault.ts'
import { readRange } from '#http/range.ts'
import { accountNumber, accountObjectId } from '#jmap/accounts.ts'
import { blobIdText, readBlobId } from '#jmap/blob-id.ts'
import { capabilities } from '#jmap/capabilities.ts'
import { readDraft } from '#jmap/email/create.ts'
import { emailConditions, parseQueryState } from '#jmap/email-query-arguments.ts'
import { MethodError, RequestProblem } from '#jmap/errors.ts'
import { readFilter } from '#jmap/filter.ts'
import { applyPatch } from '#jmap/patch.ts'
import { parseIJson, readRequest } from '#jmap/request.ts'
import { resolveReferences } from '#jmap/result-reference.ts'
import { readSort } from '#jmap/sort.ts'
import { isObject, readFields } from '#jmap/value.ts'
import { headerForms, readHeaderForm } from '#message/header-forms.ts'
import { hasRightShape } from '#mailauth/smime-shape.ts'

const methods = new Map(capabilities.flatMap((one) => one.methods.map((each) => [each.name, each] as const)))

/** Runs what may refuse its input, in the ways that it may; nothing else may come out. */
function quietly(body: () => void): void {
  try {
    body()
  } catch (error) {
    if (!(error instanceof Fault || error instanceof MethodError || error instanceof RequestProblem))
      throw error
    assert.equal(Object.getPrototypeOf({}), Object.prototype)
  }
}

/** Of bytes that are no JSON, what can be made one. */
function json(bytes: Uint8Array): unknown {
  let value: unknown
  quietly(() => (value = parseIJson(bytes)))
  return value
}

function request(bytes: Uint8Array): void {
  const value = json(bytes)
  quietly(() => {
    const { methodCalls } = readRequest(value, { maxCallsInRequest: 16 })
    const answered: { name: string; arguments: (typeof methodCalls)[number]['arguments']; callId: string }[] =
      []
    for (const call of methodCalls) {
      quietly(() => {
        const args = resolveReferences(call.arguments, answered, { left: 100_000 })
        answered.push({ ...call, arguments: args })
        const method = methods.get(call.name)
        const problems: PropertyProblem[] = []
        if (method !== undefined) readFields(method.arguments, args, problems)
        for (const { property } of problems) assert.ok(property.isWellFormed())
      })
    }
  })
}

function queries(bytes: Uint8Array): void {
  const value = json(bytes)
  quietly(() => void readFilter(value, emailConditions))
  quietly(() => void readSort(Array.isArray(value) ? value : [value], ['receivedAt']))
  quietly(() => void parseQueryState(Buffer.from(bytes).toString('latin1')))
}

function objects(bytes: Uint8Array): void {
  const value = json(bytes)
  if (!isObject(value)) return
  quietly(() => void readDraft(value))
  const before = { name: 'x', keywords: { $seen: true }, list: [1] }
  quietly(() => void applyPatch(before, value))
  assert.deepEqual(before, { name: 'x', keywords: { $seen: true }, list: [1] })
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
}

/** RFC 8621 §4.1.2: whatever the field, each form has a value or none. */
function forms(bytes: Uint8Array): void {
  for (const form of headerForms) {
    const value: unknown = readHeaderForm(form, bytes, 0, bytes.length)
    assert.ok(value === null || typeof value === 'string' || Array.isArray(value), form)
  }
  const range = readRange(Buffer.from(bytes).toString('latin1'), 1000)
  if (typeof range === 'object') assert.ok(range.start >= 0 && range.start < range.end && range.end <= 1000)
}

function ids(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1')
  const account = accountNumber(text)
  if (account !== undefined) assert.equal(accountObjectId(account), text)
  const blob = readBlobId(text)
  if (blob !== undefined) assert.equal(blobIdText(blob), text)
}

const parser = 'JMAP requests'

export const targets = [
  { name: 'jmap request', parser, run: request },
  { name: 'jmap queries', parser, run: queries },
  { name: 'jmap objects', parser, run: objects },
  { name: 'jmap ids', parser, run: ids },
  { name: 'jmap header forms', parser, run: forms },
  { name: 'smime shape', parser: 'S/MIME', run: (b: Uint8Array) => void hasRightShape(b, 65_536) },
]
