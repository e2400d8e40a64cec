/** Whether what a client was told was so, by the whole history. */
import assert from 'node:assert/strict'
import type { Fact, Picture, Resynced } from './client.test.ts'
import type { Entry, Model, State } from './model.test.ts'

type Found = Extract<Fact, { what: 'found' }>
type Flags = Extract<Fact, { what: 'flags' }>

export function checkFact(model: Model, fact: Fact): void {
  switch (fact.what) {
    case 'flags':
      return checkFlags(model, fact)
    case 'text':
      assert.equal(model.entry(fact.box, fact.uid)?.message.token, fact.token, `text of ${fact.uid}`)
      return
    case 'picture':
      return checkPicture(model, fact.picture)
    case 'opened':
      return checkOpened(model, fact)
    case 'found':
      return checkFound(model, fact)
    case 'resynced':
      return checkResynced(model, fact)
  }
}

/** SELECT shows a mailbox with all that was acknowledged before. */
function checkOpened(model: Model, { order, highest }: Extract<Fact, { what: 'opened' }>): void {
  for (const { states, goneAt } of model.boxes[order.box]!.entries.values())
    for (const modseq of [...states.map((state) => state.modseq), goneAt])
      assert.ok(modseq > order.floor || modseq <= highest, `${order.line} does not show ${modseq}`)
}

/** With a MODSEQ the state of that number, else one not older than the command. */
function checkFlags(model: Model, { order, box, slot }: Flags): void {
  const { uid, flags, modseq } = slot
  const { states } = model.entry(box, uid!)!
  const isSo = (state: State, i: number): boolean =>
    state.flags.join() === flags!.join() &&
    (modseq === undefined
      ? (states[i + 1]?.modseq ?? Infinity) > (order?.floor ?? 0)
      : state.modseq === modseq)
  assert.ok(
    states.some(isSo),
    `${uid} never had (${flags!.join(' ')}) as told in ${order?.line}, MODSEQ ${modseq}: ${JSON.stringify(states)}`,
  )
}

/** All that changed up to its MODSEQ is in it. */
function checkPicture(model: Model, { box, highest, slots, ceiling }: Picture): void {
  const known = new Map(slots.flatMap((slot) => (slot.uid === undefined ? [] : [[slot.uid, slot] as const])))
  let unknown = slots.length - known.size
  const why = (what: string): string => `up to ${highest} a client did not hear ${what}`
  for (const [uid] of known) assert.ok(model.entry(box, uid)!.goneAt > highest, why(`that ${uid} is gone`))
  for (const entry of model.alive(box, highest)) {
    const slot = known.get(entry.uid)
    // What is gone, and not told yet, can have been given flags in vain.
    if (entry.goneAt <= ceiling) continue
    if (slot !== undefined) checkSlot(model, entry, slot, highest, why)
    else assert.ok(unknown-- > 0, why(`of ${entry.uid}`))
  }
}

function checkSlot(
  model: Model,
  entry: Entry,
  { flags, modseq }: Picture['slots'][number],
  highest: number,
  why: (what: string) => string,
): void {
  const state = model.at(entry, highest)!
  if (modseq !== undefined)
    assert.ok(modseq >= state.modseq, why(`that ${entry.uid} changed at ${state.modseq}`))
  const isSo = (one: State): boolean => one.modseq >= state.modseq && one.flags.join() === flags!.join()
  if (flags !== undefined) assert.ok(entry.states.some(isSo), why(`the flags of ${entry.uid}`))
}

/** The result is that of one moment while the command ran. */
function checkFound(model: Model, { order, uids, among, highest }: Found): void {
  const entries = among.map((uid) => model.entry(order.box, uid)!)
  for (let modseq = order.floor; modseq <= order.ceiling!; modseq++) {
    const found = entries.filter((entry) => {
      const state = model.at(entry, modseq)
      return state !== undefined && order.wants!(state, entry.uid)
    })
    if (found.map(({ uid }) => uid).join() !== uids.join()) continue
    const modseqs = found.map((entry) => model.at(entry, modseq)!.modseq)
    if (highest === undefined || uids.length === 0 || Math.max(...modseqs) === highest) return
  }
  assert.fail(`never from ${order.floor} to ${order.ceiling} were [${uids.join()}] right for ${order.line}`)
}

/** Exactly what changed since then; where the log was cut, at least that, and nothing that is there as gone. */
function checkResynced(model: Model, fact: Resynced): void {
  const { order, since, highest, asked, matched, known, counted, vanished, told, isCut } = fact
  const from = highest ?? order.floor
  const to = highest ?? order.ceiling!
  const isAsked = (uid: number): boolean => asked?.includes(uid) ?? true
  const why = `${order.line} since ${since} at ${from} to ${to}`
  for (const entry of model.boxes[order.to ?? order.box]!.entries.values()) {
    const { uid, goneAt, states } = entry
    if (!isAsked(uid)) {
      assert.ok(!vanished?.includes(uid), `${uid} was not asked for: ${why}`)
      continue
    }
    if (vanished !== undefined && !counted.has(uid)) {
      const isGone = goneAt > since && goneAt <= from
      const isWanted = uid > matched || known?.has(uid) === true
      if (isGone && isWanted) assert.ok(vanished.includes(uid), `VANISHED leaves out ${uid}: ${why}`)
      const mayBeTold = goneAt <= to && (isCut || goneAt > since)
      assert.ok(mayBeTold || !vanished.includes(uid), `${uid} has not VANISHED: ${why}`)
    }
    const isNew = model.always(entry, from, to, (state) => state.modseq > since)
    if (isNew)
      assert.ok(
        told.has(uid) || (highest === undefined && !counted.has(uid)),
        `of ${uid} nothing is told: ${why}`,
      )
    if (highest === undefined || !told.has(uid)) continue
    const modseq = told.get(uid)!
    const state = states.find((one) => one.modseq === modseq)
    const isSo =
      state !== undefined && modseq > since && (modseq > highest || model.at(entry, highest) === state)
    assert.ok(isSo, `${uid} has not changed: ${why}`)
  }
  if (vanished === undefined) return
  for (const uid of vanished) assert.ok(!counted.has(uid), `${uid} is still counted: ${why}`)
}
