import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MailboxId, Modseq, Uid } from '#base/id.ts'
import { changeLogTable, logFloorTable } from '#kv/change-log.ts'
import { CheckReport, unitOf } from '#kv/check.ts'
import { apply, step } from './check/history.test.ts'
import { keptColumnsTroubles } from './check/kept-columns.ts'
import { ColumnsKeeper } from './columns-keeper.ts'
import { expungeMessages } from './expunge.ts'
import { FlagSets } from './flag-set.ts'
import { storeFlags } from './flags.ts'
import { type KeptColumns, keepColumns, readKept } from './kept-columns.ts'
import { columnNames, viewEntry } from './mailbox-columns.ts'
import { createMailbox, deleteMailbox, listMailboxes } from './mailbox.ts'
import type { MailboxView } from './mailbox-view.ts'
import { purgeAccount } from './purge.ts'
import { keptColumnsTable, messageTable } from './tables.ts'
import { account, archive, inbox, openTestAccount, type TestAccount } from './test-account.ts'
import { type AccountView, AccountViews } from './view.ts'

const openView = ({ db }: TestAccount): Promise<AccountView> =>
  new AccountViews({ db, budgetBytes: 1 << 24 }).open(account)

async function keep(box: TestAccount, view: AccountView, id: MailboxId): Promise<void> {
  const loaded = await view.load(id)
  if (loaded !== undefined) await keepColumns(box.db, account, loaded, view.modseq)
}

const contents = (view: MailboxView): unknown => ({
  ...Object.fromEntries(columnNames.map((name) => [name, name === 'flagSets' ? [] : [...view[name]]])),
  flags: Array.from(view.flagSets, (number) => Buffer.from(view.sets.at(number).wire).toString()),
})

/** What a mailbox shows by what is kept of it and the change log. */
async function shownByKept(box: TestAccount, mailbox: MailboxView): Promise<unknown> {
  const sets = new FlagSets()
  const kept = await readKept(box.db, account, mailbox.id, sets)
  if (typeof kept !== 'object') return kept
  const { columns, news } = kept satisfies KeptColumns
  columns.update(
    news.entries.map((one) => viewEntry(one, sets)),
    news.expunged,
  )
  return contents(columns.view(mailbox.mailbox, sets))
}

async function findings({ db, engine }: TestAccount, repair = false): Promise<readonly string[]> {
  const report = new CheckReport()
  await report.run(
    unitOf({ db, engine }, () => keptColumnsTroubles(db)),
    { repair },
  )
  return report.tallies.filter(({ left }) => left > 0).map(({ kind }) => kind.name)
}

const countKept = ({ db }: TestAccount): Promise<number> =>
  db.read(async (tx) => (await tx.list(keptColumnsTable, [])).length)

test('kept columns and the change log say what the rows say, after any history', async () => {
  const keeping = fc.record({ do: fc.constant('keep' as const), box: fc.nat({ max: 1000 }) })
  const steps = fc.array(fc.oneof({ weight: 5, arbitrary: step }, { weight: 2, arbitrary: keeping }), {
    minLength: 10,
    maxLength: 60,
  })
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const box = await openTestAccount()
      const view = await openView(box)
      const kept = new Set<MailboxId>()
      for (const one of all) {
        if (one.do === 'keep') {
          const boxes = await box.db.read((tx) => listMailboxes(tx, account))
          const { id } = boxes[one.box % boxes.length]!
          await keep(box, view, id)
          if ((await view.load(id))!.count > 0) kept.add(id)
          else kept.delete(id)
        } else await apply(box, account, one)
        const fresh = await openView(box)
        for (const id of kept) {
          const rows = await fresh.load(id)
          if (rows === undefined) kept.delete(id)
          else assert.deepEqual(await shownByKept(box, rows), contents(rows))
        }
      }
      assert.deepEqual(await findings(box), [])
    }),
    { numRuns: 60 },
  )
})

test('columns of many parts are read as they were kept, in chunks of any length', async () => {
  const box = await openTestAccount()
  const uids = await box.fill(5000)
  const view = await openView(box)
  await view.load(inbox)
  const change = (tx: Parameters<Parameters<typeof box.db.write>[1]>[0], from: number, to: number) =>
    storeFlags(tx, account, inbox, uids.slice(from, to), {
      how: 'add',
      keywords: ['$seen', `word${from}`],
      deleted: from === 4000,
    })
  await box.db.write([account], async (tx) => {
    for (const at of [100, 700, 4000]) await change(tx, at, at + 50)
  })
  await box.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, [...uids.slice(300, 1300), uids.at(-1)!], { onlyDeleted: false }),
  )
  await keep(box, view, inbox)
  assert.equal(await countKept(box), 2)
  const rows = (await (await openView(box)).load(inbox))!
  assert.equal(rows.count, 3999)
  assert.deepEqual(await shownByKept(box, rows), contents(rows))
  // Fewer parts than before leave none of those behind.
  await box.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, uids.slice(0, 4500), { onlyDeleted: false }),
  )
  await keep(box, view, inbox)
  assert.equal(await countKept(box), 1)
  assert.deepEqual(await findings(box), [])
})

/** Reads of message rows, by which one can tell where columns come from. */
function countRows({ engine }: TestAccount): { count: number } {
  const rows = { count: 0 }
  const open = engine.snapshot.bind(engine)
  engine.snapshot = () => {
    const snapshot = open()
    const getMany: typeof snapshot.getMany = (keys) => {
      rows.count += keys.filter((key) => messageTable.elements(key) !== undefined).length
      return snapshot.getMany(keys)
    }
    return { ...snapshot, getMany }
  }
  return rows
}

test('a mailbox is read once, and from then on what changed in it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const box = await openTestAccount()
  const uids = await box.fill(1000)
  const trouble: unknown[] = []
  await using keeper = new ColumnsKeeper(box.db, (error) => trouble.push(error))
  const open = (): Promise<AccountView> =>
    new AccountViews({ db: box.db, budgetBytes: 1 << 24, keeper }).open(account)
  const kept = async (): Promise<Modseq | undefined> => {
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    const found = await readKept(box.db, account, inbox, new FlagSets())
    return typeof found === 'object' ? found.modseq : undefined
  }
  const view = await open()
  await view.load(inbox)
  assert.equal(await kept(), undefined)
  t.mock.timers.tick(1000)
  const before = await box.db.read((tx) => tx.sequence(account))
  assert.equal(await kept(), before)
  assert.equal(await box.db.read((tx) => tx.sequence(account)), before, 'the account has not changed')

  const rows = countRows(box)
  assert.equal((await (await open()).load(inbox))!.count, 1000)
  assert.equal(rows.count, 0)
  await box.append('Subject: one more\n\nx\n')
  assert.equal((await (await open()).load(inbox))!.count, 1001)
  assert.equal(rows.count, 1)

  // Kept again when it is worth while, and then only after a while.
  await box.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, uids.slice(0, 600), { how: 'add', keywords: ['$seen'] }),
  )
  await view.refresh()
  t.mock.timers.tick(59_000)
  assert.equal(await kept(), before)
  t.mock.timers.tick(1000)
  assert.equal(await kept(), before + 2)
  assert.deepEqual(trouble, [])
})

test('what is damaged, too old or of another mailbox is not used', async () => {
  const box = await openTestAccount()
  await box.fill(600)
  const view = await openView(box)
  await keep(box, view, inbox)
  const key = [account, inbox, 0] as const
  const [[, good]] = (await box.db.read((tx) => tx.list(keptColumnsTable, [account, inbox]))) as never as [
    [unknown, Uint8Array],
  ]
  const put = (bytes: Uint8Array): Promise<void> =>
    box.db.write([], async (tx) => tx.put(keptColumnsTable, key, bytes))
  const read = (): ReturnType<typeof readKept> => readKept(box.db, account, inbox, new FlagSets())
  for (let i = 0; i < 400; i++) {
    const bad = Buffer.from(good)
    const at = i < 60 ? i : Math.floor((i * good.length) / 400)
    bad[at] = bad[at]! ^ (1 << (i % 8))
    await put(bad)
    const found = await read()
    assert.ok(found === 'damaged' || found === 'old', `byte ${at}`)
  }
  for (const length of [0, 3, 4, 5, 20, good.length - 1]) {
    await put(good.subarray(0, length))
    assert.equal(await read(), 'damaged')
  }
  assert.deepEqual(await findings(box), ['kept-columns-unreadable'])
  const fresh = await openView(box)
  assert.equal((await fresh.load(inbox))!.count, 600, 'the rows are there')
  await put(good)
  assert.equal(typeof (await read()), 'object')

  await box.append('Subject: later\n\nx\n')
  const now = await box.db.read((tx) => tx.sequence(account))
  await box.db.write([account], async (tx) => {
    for (const [row] of await tx.list(changeLogTable, [account])) tx.delete(changeLogTable, row)
    tx.put(logFloorTable, [account], now)
  })
  assert.equal(await read(), 'old')
  assert.equal((await (await openView(box)).load(inbox))!.count, 601)
  assert.deepEqual(await findings(box), [], 'nobody uses them')
})

test('what is kept goes with its mailbox and with its account', async () => {
  const box = await openTestAccount()
  const view = await openView(box)
  const { id } = await box.db.write([account], (tx) =>
    createMailbox(tx, account, { name: 'gone', parent: 0 }),
  )
  await box.fill(10)
  await box.fill(10, { mailbox: id })
  await keep(box, view, inbox)
  await keep(box, view, id)
  const shown = (await view.load(id))!
  assert.equal(await countKept(box), 2)
  await box.db.write([account], (tx) => deleteMailbox(tx, account, id))
  assert.equal(await countKept(box), 1)
  await keepColumns(box.db, account, shown, view.modseq)
  assert.equal(await countKept(box), 1, 'nothing is kept of a mailbox that is gone')
  await purgeAccount(box.db, account, AbortSignal.timeout(60_000))
  assert.equal(await countKept(box), 0)
})

test('the check finds what is kept of no mailbox, and what the rows do not say', async () => {
  const box = await openTestAccount()
  const [uid] = await box.fill(20)
  const view = await openView(box)
  await keep(box, view, inbox)
  const [[, bytes]] = (await box.db.read((tx) => tx.list(keptColumnsTable, [account, inbox]))) as never as [
    [unknown, Uint8Array],
  ]
  await box.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [uid!], { how: 'add', keywords: ['$seen'] }),
  )
  const changed = (await view.load(inbox))!
  // As of a later commit than it is of.
  await box.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [uid!], { how: 'add', keywords: ['$flagged'] }),
  )
  await view.refresh()
  await keepColumns(box.db, account, changed, view.modseq)
  await box.db.write([], async (tx) => tx.put(keptColumnsTable, [account, 4000 as MailboxId, 0], bytes))
  assert.deepEqual((await findings(box)).toSorted(), ['kept-columns-orphan', 'kept-columns-wrong'])
  assert.deepEqual(await findings(box, true), [])
  assert.equal(await countKept(box), 0)
  assert.equal((await view.load(inbox))!.uids.at(0), uid as Uid)
  assert.equal((await view.load(archive))!.count, 0)
})
