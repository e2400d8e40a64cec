import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import { readSubject } from '#message/base-subject.ts'
import { ReplyLinks } from './reply-links.ts'
import { eachStructure, type Selection } from './stored-structures.ts'
import { account, createdAt, inbox, openTestAccount, type TestAccount } from '../test-account.ts'
import { threadByReferences } from './thread-by-references.ts'
import { threadBySubject } from './thread-by-subject.ts'
import type { ThreadTree } from './arrangements.ts'
import { AccountViews } from '../view.ts'

interface Letter {
  readonly id: number | undefined
  readonly references: readonly number[]
  readonly inReplyTo: readonly number[]
  readonly subject: string
  readonly minute: number
}

/** Few identifiers and subjects, so that duplicates, loops and dummies are common. */
const ids = fc.integer({ min: 0, max: 8 })
const letters = fc.array(
  fc.record({
    id: fc.option(ids, { nil: undefined, freq: 8 }),
    references: fc.array(ids, { maxLength: 4 }),
    inReplyTo: fc.array(ids, { maxLength: 2 }),
    subject: fc.constantFrom('', 'a', 'A', 'Re: a', 'a (fwd)', 'b', 'Fwd: b', '[x] b', 'Re: '),
    minute: fc.integer({ min: 0, max: 5 }),
  }),
  { maxLength: 10 },
)

async function selectionOf(box: TestAccount, from = 0): Promise<Selection> {
  const view = (await (
    await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  ).load(inbox))!
  const indexes = Array.from({ length: view.count - from }, (_, i) => from + i)
  return { db: box.db, account, view, indexes }
}

const idList = (list: readonly number[]): string => list.map((id) => `<${id}@x>`).join(' ')

async function deliver(box: TestAccount, list: readonly Letter[]): Promise<Selection> {
  const before = (await selectionOf(box)).view.count
  for (const { id, references, inReplyTo, subject, minute } of list) {
    const fields = [
      `Date: ${new Date(createdAt + minute * 60_000).toUTCString().replace('GMT', '+0000')}`,
      `Subject: ${subject}`,
      ...(id === undefined ? [] : [`Message-ID: <${id}@x>`]),
      ...(references.length === 0 ? [] : [`References: ${idList(references)}`]),
      ...(inReplyTo.length === 0 ? [] : [`In-Reply-To: ${idList(inReplyTo)}`]),
    ]
    await box.append(`${fields.join('\n')}\n\nx\n`)
  }
  return selectionOf(box, before)
}

/** As `(0 1)((2)(3))`; these trees are small. */
function written({ count, roots, firstChildren, nextSiblings }: ThreadTree): string {
  const write = (node: number): string => {
    const children: number[] = []
    for (let child = firstChildren[node]!; child !== -1; child = nextSiblings[child]!) children.push(child)
    return `(${node < count ? node : ''}${children.map(write).join('')})`
  }
  return roots.map(write).join('')
}

/** A message or a dummy of the algorithm as the RFC tells it. */
interface Node {
  readonly place: number
  parent: Node | undefined
  children: Node[]
}

const newNode = (place = -1): Node => ({ place, parent: undefined, children: [] })

function hang(node: Node, parent: Node): void {
  for (let at: Node | undefined = parent; at !== undefined; at = at.parent) if (at === node) return
  node.parent = parent
  parent.children.push(node)
}

function take(node: Node): void {
  const { parent } = node
  if (parent !== undefined) parent.children = parent.children.filter((child) => child !== node)
  node.parent = undefined
}

/** RFC 5256 §3, step by step, without regard to cost. */
function threadNaively(list: readonly Letter[]): string {
  const root = newNode()
  const nodes = linkNaively(list)
  // 2
  for (const node of nodes) if (node.parent === undefined) hang(node, root)
  // 3
  const prune = (node: Node): void => {
    for (const child of node.children.slice()) {
      prune(child)
      if (child.place !== -1) continue
      if (child.children.length > 1 && node === root) continue
      const at = node.children.indexOf(child)
      for (const grandchild of child.children) grandchild.parent = node
      node.children.splice(at, 1, ...child.children)
    }
  }
  prune(root)
  // 4
  const first = (node: Node): number => (node.place === -1 ? first(node.children[0]!) : node.place)
  const sort = (children: Node[]): void => {
    children.sort((a, b) => list[first(a)]!.minute - list[first(b)]!.minute || first(a) - first(b))
  }
  for (const node of root.children) if (node.place === -1) sort(node.children)
  sort(root.children)
  mergeNaively(root, list, first)
  // 6
  const sortAll = (node: Node): void => {
    node.children.forEach(sortAll)
    sort(node.children)
  }
  sortAll(root)
  const write = ({ place, children }: Node): string =>
    `(${place === -1 ? '' : place}${children.map(write).join('')})`
  return root.children.map(write).join('')
}

/** Step 1. */
function linkNaively(list: readonly Letter[]): Node[] {
  const nodes: Node[] = []
  const named = new Map<number, Node>()
  const messages = new Map<number, Node>()
  for (const [place, { id, references, inReplyTo }] of list.entries()) {
    const find = (reference: number): Node => {
      let node = named.get(reference)
      if (node === undefined) {
        node = newNode()
        nodes.push(node)
        named.set(reference, node)
      }
      return node
    }
    let node: Node
    if (id !== undefined && !messages.has(id)) {
      node = find(id)
      Object.assign(node, { place })
      messages.set(id, node)
    } else {
      node = newNode(place)
      nodes.push(node)
    }
    const used = (references.length > 0 ? references : inReplyTo.slice(0, 1)).map(find)
    for (let i = 1; i < used.length; i++) if (used[i]!.parent === undefined) hang(used[i]!, used[i - 1]!)
    take(node)
    if (used.length > 0) hang(node, used.at(-1)!)
  }
  return nodes
}

/** Step 5. */
function mergeNaively(root: Node, list: readonly Letter[], first: (node: Node) => number): void {
  const subjectOf = (node: Node): string => readSubject(list[first(node)]!.subject).base.toUpperCase()
  const isReply = (node: Node): boolean => readSubject(list[node.place]!.subject).isReply
  const isDummy = (node: Node): boolean => node.place === -1
  const table = new Map<string, Node>()
  for (const node of root.children) {
    const subject = subjectOf(node)
    if (subject === '') continue
    const old = table.get(subject)
    if (old === undefined) table.set(subject, node)
    else if (!isDummy(old) && (isDummy(node) || (isReply(old) && !isReply(node)))) table.set(subject, node)
  }
  for (const node of root.children) {
    if (node.parent !== root) continue
    const subject = subjectOf(node)
    const other = table.get(subject)
    if (subject === '' || other === undefined || other === node) continue
    take(node)
    if (isDummy(node) && isDummy(other)) {
      for (const child of node.children.slice()) {
        take(child)
        hang(child, other)
      }
    } else if (isDummy(other) || (isReply(node) && !isReply(other))) hang(node, other)
    else {
      const dummy = newNode()
      take(other)
      hang(node, dummy)
      hang(other, dummy)
      hang(dummy, root)
      table.set(subject, dummy)
    }
  }
}

test('threads are those of the algorithm, told as the RFC tells it', async () => {
  const box = await openTestAccount()
  await fc.assert(
    fc.asyncProperty(letters, async (list) => {
      const tree = await threadByReferences(await deliver(box, list), 1000)
      assert.equal(written(tree), threadNaively(list))
    }),
    { numRuns: 200 },
  )
})

test('every message is in the threads once, and dummies hold several', async () => {
  const box = await openTestAccount()
  await fc.assert(
    fc.asyncProperty(letters, async (list) => {
      const selection = await deliver(box, list)
      for (const tree of [await threadByReferences(selection, 1000), await threadBySubject(selection)]) {
        const text = written(tree)
        const places = [...text.matchAll(/\d+/g)].map(([place]) => Number(place))
        assert.deepEqual(
          places.sort((a, b) => a - b),
          list.map((_, i) => i),
        )
        // A dummy is a root, and has two children.
        assert.doesNotMatch(text, /\(\)|[^()]\(\(/)
      }
    }),
    { numRuns: 60 },
  )
})

test('ORDEREDSUBJECT: threads of one subject, in the order of their first messages', async () => {
  const box = await openTestAccount()
  const letter = (subject: string, minute: number): Letter => ({
    id: undefined,
    references: [],
    inReplyTo: [],
    subject,
    minute,
  })
  const selection = await deliver(box, [
    letter('b', 5),
    letter('Re: a', 4),
    letter('A', 3),
    letter('Re: B', 1),
    letter('a (fwd)', 5),
    letter('', 2),
    letter('Re:', 2),
  ])
  assert.equal(written(await threadBySubject(selection)), '(3(0))(5(6))(2(1)(4))')
})

test('identifiers are the same however they are quoted, and kept whole however long', async () => {
  const box = await openTestAccount()
  const long = `${'x'.repeat(300)}@example.org`
  await box.append('Message-ID: <"01KF8JCEOCBS0045PS"@xxx.yyy.com>\nSubject: a\n\nx\n')
  await box.append('References: <01KF8JCEOCBS0045PS@xxx.yyy.com>\nSubject: b\n\nx\n')
  await box.append(`Message-ID: <${long}>\nSubject: c\n\nx\n`)
  await box.append(
    `References: <no-identifier>\nIn-Reply-To: text of <a> <${long}> <other@x>\nSubject: d\n\nx\n`,
  )
  await box.append(`References: <X${long}>\nSubject: e\n\nx\n`)
  assert.equal(written(await threadByReferences(await selectionOf(box), 1000)), '(0(1))(2(3))(4)')
})

test('more messages and references than the limit are refused', async () => {
  const box = await openTestAccount()
  await box.append(`References: ${idList([1, 2, 3])}\n\nx\n`)
  const selection = await selectionOf(box)
  await threadByReferences(selection, 4)
  await assert.rejects(threadByReferences(selection, 3), (error) => isFault(error, 'tooLarge'))
})

test('what is gone meanwhile stands for itself', async () => {
  const box = await openTestAccount()
  const selection = await deliver(box, [
    { id: 1, references: [], inReplyTo: [], subject: 'a', minute: 0 },
    { id: 2, references: [1], inReplyTo: [], subject: 'a', minute: 0 },
  ])
  const { db } = await openTestAccount()
  assert.equal(written(await threadByReferences({ ...selection, db }, 1000)), '(0)(1)')
  const stop = AbortSignal.abort(new Error('gone'))
  await assert.rejects(
    eachStructure({ ...selection, signal: stop }, () => {}),
    /gone/,
  )
})

test('long chains of replies are linked in whatever order they come', () => {
  const count = 50_000
  const link = (step: (i: number) => number, referenceCount: number): ReplyLinks => {
    const links = new ReplyLinks(1_000_000)
    for (let place = 0; place < count; place++) {
      const i = step(place)
      const references = Array.from({ length: Math.min(i, referenceCount) }, (_, k) => i - referenceCount + k)
        .filter((id) => id >= 0)
        .map((id) => `${id}@x`)
      links.add({ messageId: `${i}@x`, references, inReplyTo: [] }, place)
    }
    return links
  }
  for (const step of [(i: number) => i, (i: number) => count - 1 - i, (i: number) => (i * 7919) % count]) {
    const { parents, places } = link(step, 3)
    const placeOf = new Map(places.map((place, node) => [place, node]))
    for (let place = 0; place < count; place += 997) {
      const parent = parents[placeOf.get(place)!]!
      if (step(place) > 0) assert.equal(step(places[parent]!), step(place) - 1)
    }
  }
})
