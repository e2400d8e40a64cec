import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, ImapTestServer } from '../fixture.test.ts'
import { partOf, partOfPositions } from './partial-range.ts'
import { eachPosition, pairUp } from './sequence-set.ts'

test('a part of positions is that part of their list', () => {
  const list = [0, 1, 2, 5, 7, 8, 9]
  for (let first = 1; first <= 9; first++)
    for (let last = 1; last <= 9; last++)
      for (const isFromEnd of [false, true]) {
        const range = { first, last, isFromEnd }
        const expected = isFromEnd
          ? list.filter(
              (_, i) => list.length - i >= Math.min(first, last) && list.length - i <= Math.max(first, last),
            )
          : list.filter((_, i) => i + 1 >= Math.min(first, last) && i + 1 <= Math.max(first, last))
        assert.deepEqual(partOf(list, range), expected)
        assert.deepEqual([...eachPosition(partOfPositions(pairUp(list), range))], expected)
      }
})

test('[PARTIAL] parts of what SEARCH finds: the examples of RFC 9394 §3.1 in a smaller mailbox', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  await server.fill(1, { deleted: true })
  await server.fill(5)
  const client = await server.selected()
  const search = async (range: string, result: string): Promise<void> => {
    await ask(client, `A UID SEARCH RETURN (PARTIAL ${range}) UNDELETED UNKEYWORD $Junk`, [
      `* ESEARCH (TAG "A") UID PARTIAL (${range} ${result})`,
      'A OK UID SEARCH completed',
    ])
  }
  await search('-1:-3', '6:8')
  await search('1:3', '1:2,4')
  await search('5:10', '6:8')
  await search('8:12', 'NIL')
  await search('-8:-12', 'NIL')
  await search('-5:-12', '1:2,4')
  // RFC 9394 §4: a range in either order is the same one.
  await search('3:1', '1:2,4')
  await search('-3:-1', '6:8')
  await search('4294967295:1', '1:2,4:8')
  await ask(client, 'B SEARCH RETURN (PARTIAL 2:3 COUNT MIN) UNDELETED', [
    '* ESEARCH (TAG "B") MIN 1 PARTIAL (2:3 2,4) COUNT 7',
    'B OK SEARCH completed',
  ])
  await ask(client, 'C SEARCH RETURN (PARTIAL 1:1) TEXT nowhere', [
    '* ESEARCH (TAG "C") PARTIAL (1:1 NIL)',
    'C OK SEARCH completed',
  ])
})

test('PARTIAL stands once, without ALL, and with a range', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  for (const returns of [
    'PARTIAL',
    'PARTIAL 1',
    'PARTIAL 0:1',
    'PARTIAL 1:*',
    'PARTIAL -1:1',
    'PARTIAL 1:-1',
    'PARTIAL -0:-1',
    'PARTIAL 1:4294967296',
    'PARTIAL "1:2"',
    'ALL PARTIAL 1:2',
    'PARTIAL 1:2 ALL',
    'PARTIAL 1:2 PARTIAL 3:4',
    'ALL ALL',
  ])
    assert.match((await ask(client, `a SEARCH RETURN (${returns}) ALL`)).join(), /^a BAD /, returns)
  for (const modifiers of ['PARTIAL', 'PARTIAL 0:1', 'PARTIAL 1:2 PARTIAL 1:2'])
    assert.match((await ask(client, `a UID FETCH 1:* UID (${modifiers})`)).join(), /^a BAD /, modifiers)
})

test('[PARTIAL] what is saved and what MODSEQ counts: table 1 of RFC 9394 §3.2', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(9)
  const client = await server.selected()
  const cases: readonly (readonly [string, string, number])[] = [
    ['PARTIAL 3:4', '3 4', 5],
    ['PARTIAL 3:4 MIN', '1 3 4', 5],
    ['PARTIAL 3:4 MAX', '3 4 9', 10],
    ['PARTIAL -1:-2 MIN MAX', '1 8 9', 10],
    ['PARTIAL 3:4 COUNT', '1 2 3 4 5 6 7 8 9', 10],
    ['PARTIAL 3:4 MIN MAX COUNT', '1 2 3 4 5 6 7 8 9', 10],
    ['PARTIAL 30:40', '', 0],
  ]
  const [first] = await ask(client, 'm SEARCH RETURN (MIN) MODSEQ 1')
  const base = Number(/MODSEQ (\d+)/.exec((await ask(client, 'm SEARCH RETURN (MIN) MODSEQ 1')).join())![1])
  assert.match(first!, /HIGHESTMODSEQ/)
  for (const [returns, saved, last] of cases) {
    const lines = await ask(client, `a SEARCH RETURN (SAVE ${returns}) MODSEQ 1`)
    const modseq = / MODSEQ (\d+)$/.exec(lines[0]!)?.[1]
    assert.equal(modseq, last === 0 ? undefined : String(base + (last === 5 ? 3 : 8)), returns)
    await ask(client, 'b SEARCH $', [`* SEARCH ${saved}`.trimEnd(), 'b OK SEARCH completed'])
  }
})

test('[PARTIAL] parts of a UID FETCH: the examples of RFC 9394 §3.3 and §3.4', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(6)
  const client = await server.selected()
  await ask(client, '1 STORE 2,5 +FLAGS.SILENT (\\Flagged)')
  await ask(client, '10 UID FETCH 2:40 (UID FLAGS) (PARTIAL -1:-3)', [
    '* 4 FETCH (UID 4 FLAGS ())',
    '* 5 FETCH (UID 5 FLAGS (\\Flagged))',
    '* 6 FETCH (UID 6 FLAGS ())',
    '10 OK UID FETCH completed',
  ])
  await ask(client, '11 UID FETCH 2:40 (UID FLAGS) (PARTIAL 1:2)', [
    '* 2 FETCH (UID 2 FLAGS (\\Flagged))',
    '* 3 FETCH (UID 3 FLAGS ())',
    '11 OK UID FETCH completed',
  ])
  await ask(client, '12 UID FETCH 2:40 UID (PARTIAL 6:9)', ['12 OK UID FETCH completed'])
  const status = await ask(client, '13 STATUS INBOX (HIGHESTMODSEQ)')
  const highest = Number(/\(HIGHESTMODSEQ (\d+)\)/.exec(status.join())![1])
  await ask(client, '14 STORE 2,5,6 +FLAGS.SILENT (\\Answered)')
  const changed = await ask(client, `15 UID FETCH 1:40 UID (PARTIAL -1:-3 CHANGEDSINCE ${highest})`)
  assert.deepEqual(
    changed.map((line) => line.replace(/MODSEQ \(\d+\)/, 'MODSEQ')),
    ['* 5 FETCH (UID 5 MODSEQ)', '* 6 FETCH (UID 6 MODSEQ)', '15 OK UID FETCH completed'],
  )
  assert.deepEqual(
    await ask(client, `15 UID FETCH 1:40 UID (CHANGEDSINCE ${highest} PARTIAL -1:-3)`),
    changed,
  )
})

test('PARTIAL counts messages that the client still knows', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  const client = await server.selected()
  const other = await server.selected()
  await ask(other, 'x STORE 2 +FLAGS.SILENT (\\Deleted)')
  await ask(other, 'y EXPUNGE')
  await server.fill(1)
  await ask(client, 'a SEARCH RETURN (PARTIAL 1:2) ALL', [
    '* ESEARCH (TAG "a") PARTIAL (1:2 1,3)',
    '* 5 EXISTS',
    'a OK SEARCH completed',
  ])
})
