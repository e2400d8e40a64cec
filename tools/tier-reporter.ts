/**
 * A reporter for node:test that says what a person needs: each failure in full, each skip with its reason,
 * nothing on what passed. The totals, with the files that took longest, go as JSON to the file that
 * POSTERN_TIER_TOTALS names.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'
import { slowestOf, type TierTotals } from './run-tier.ts'
import { root } from './tree.ts'

type Named = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>['data']

function placeOf(data: Named): string {
  const file = data.file === undefined ? '' : path.relative(root, data.file)
  return `${file}:${data.line ?? 0} ${data.name}`
}

function causeOf(error: Error): string {
  const cause: unknown = error.cause ?? error
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause)
}

// A suite fails because of a test inside, which was printed already.
function failsByItself({ details }: Extract<TestEvent, { type: 'test:fail' }>['data']): boolean {
  return (details.error as { failureType?: string }).failureType !== 'subtestsFailed'
}

// The one default export of the repository: the test runner asks for it.
// oxlint-disable-next-line import/no-default-export
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const totals = { passed: 0, failed: 0, skipped: 0, missing: 0 }
  const elapsedMs = new Map<string, number>()
  for await (const { type, data } of source) {
    if ((type === 'test:pass' || type === 'test:fail') && data.nesting === 0 && data.file !== undefined) {
      const file = path.relative(root, data.file)
      elapsedMs.set(file, (elapsedMs.get(file) ?? 0) + data.details.duration_ms)
    }
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message
    else if (type === 'test:fail' && data.todo === undefined && failsByItself(data)) {
      totals.failed++
      yield `FAIL ${placeOf(data)}\n${causeOf(data.details.error).replace(/^/gm, '  ')}\n`
    } else if (type === 'test:pass') {
      // Of a suite that is skipped nothing else is told; any other is only the sum of its tests.
      if (data.skip !== undefined && data.skip !== false) {
        const reason = typeof data.skip === 'string' ? data.skip : 'no reason given'
        totals.skipped++
        if (reason.includes('apt-get install')) totals.missing++
        yield `skip ${placeOf(data)}: ${reason}\n`
      } else if (data.details.type !== 'suite' && data.todo === undefined) totals.passed++
    }
  }
  const file = process.env['POSTERN_TIER_TOTALS']
  const slowest = slowestOf([...elapsedMs].map(([name, ms]) => ({ name, elapsedMs: ms })))
  if (file !== undefined) writeFileSync(file, JSON.stringify({ ...totals, slowest } satisfies TierTotals))
}
