import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { AccountId, MailboxId, Modseq, Uid } from '#base/id.ts'
import { noCounts } from './mailbox-counts.ts'
import { type MailboxRow, mailboxRowCodec } from './mailbox-row.ts'
import {
  allRights,
  anyone,
  effectiveRights,
  flagRights,
  formatRights,
  type Grant,
  hasAll,
  mailboxRights,
  noRights,
  parseRights,
  type Rights,
  rightLetters,
  rightsOf,
} from './rights.ts'

const [owner, fred, staff, other] = [7, 8, 9, 10] as AccountId[] as [
  AccountId,
  AccountId,
  AccountId,
  AccountId,
]
const asFred = { account: fred, groups: [staff] }
const grant = (grantee: AccountId, granted: string | undefined, denied = ''): Grant => ({
  grantee,
  granted: granted === undefined ? undefined : rightsOf(granted),
  denied: rightsOf(denied),
})
const shown = (grants: readonly Grant[], who = asFred): string =>
  formatRights(effectiveRights(owner, grants, who))

test('letters are read with the virtual ones and shown with them (RFC 4314 §2.1.1)', () => {
  assert.equal(formatRights(parseRights('lrswida')!), 'lrswiteda')
  assert.equal(formatRights(parseRights('lrswikda')!), 'lrswiktecda')
  assert.equal(formatRights(parseRights('c')!), 'kxc')
  assert.equal(formatRights(parseRights('aaxl')!), 'lxca')
  assert.equal(formatRights(allRights), 'lrswipkxtecda')
  assert.equal(formatRights(parseRights('')!), '')
  for (const wrong of ['q', 'L', 'l r', '0', '+l']) assert.equal(parseRights(wrong), undefined)
  assert.throws(() => rightsOf('q'))
})

test('rights are the union of what all identifiers give, less what any denies', () => {
  assert.equal(shown([]), '')
  assert.equal(shown([grant(other, 'lr')]), '')
  assert.equal(shown([grant(fred, 'lr'), grant(staff, 'i'), grant(anyone, 'p')]), 'lrip')
  assert.equal(shown([grant(fred, 'lrsw'), grant(staff, undefined, 'w')]), 'lrs')
  assert.equal(shown([grant(fred, 'lr'), grant(anyone, 'lrs', 'r')]), 'ls')
})

test('a user keeps l and a on the own mailboxes, whatever stands there', () => {
  const asOwner = { account: owner, groups: [staff] }
  assert.equal(shown([], asOwner), 'lrswipkxtecda')
  assert.equal(shown([grant(fred, 'lr')], asOwner), 'lrswipkxtecda')
  assert.equal(shown([grant(owner, 'r')], asOwner), 'lra')
  assert.equal(shown([grant(owner, '')], asOwner), 'la')
  assert.equal(shown([grant(anyone, 'l', 'lrswipkxtea')], asOwner), 'la')
})

test('members have all rights on the mailboxes of their group until an entry says otherwise', () => {
  const asMember = { account: fred, groups: [owner] }
  assert.equal(shown([], asMember), 'lrswipkxtecda')
  assert.equal(shown([grant(owner, 'lr')], asMember), 'lr')
  assert.equal(shown([grant(owner, 'lr'), grant(fred, 'ia')], asMember), 'lria')
  assert.equal(shown([grant(owner, '')], asMember), '')
  assert.equal(shown([grant(fred, undefined, 'a')], asMember), 'lrswipkxtecd')
})

test('effective rights are what the sentence in rights.ts says, for any grants', () => {
  const letters = fc.subarray(rightLetters.split('')).map((some) => rightsOf(some.join('')))
  const anyGrants = fc.uniqueArray(
    fc.record({
      grantee: fc.constantFrom(owner, fred, staff, other, anyone),
      granted: fc.option(letters, { nil: undefined }),
      denied: letters,
    }),
    { selector: (one) => one.grantee },
  )
  const who = fc.record({
    account: fc.constantFrom(owner, fred),
    groups: fc.subarray([staff, other]),
  })
  fc.assert(
    fc.property(anyGrants, who, (grants, somebody) => {
      const mine = [somebody.account, ...somebody.groups, anyone]
      const expected = rightLetters.split('').filter((letter) => {
        const right = rightsOf(letter)
        if (somebody.account === owner && 'la'.includes(letter)) return true
        const applying = grants.filter(({ grantee }) => mine.includes(grantee))
        if (applying.some(({ denied }) => hasAll(denied, right))) return false
        const own = grants.find(({ grantee }) => grantee === owner)?.granted
        if (mine.includes(owner) && own === undefined) return true
        return applying.some(({ granted }) => granted !== undefined && hasAll(granted, right))
      })
      assert.equal(effectiveRights(owner, grants, somebody), rightsOf(expected.join('')))
    }),
  )
})

test('myRights of JMAP: of several letters all are required (RFC 8621 §2)', () => {
  const named = (rights: Rights): string[] =>
    Object.entries(mailboxRights(rights)).flatMap(([name, may]) => (may ? [name] : []))
  assert.deepEqual(named(noRights), [])
  assert.deepEqual(named(rightsOf('l')), [])
  assert.deepEqual(named(rightsOf('lr')), ['mayReadItems'])
  assert.deepEqual(named(rightsOf('ti')), ['mayAddItems'])
  assert.deepEqual(named(rightsOf('te')), ['mayRemoveItems'])
  assert.deepEqual(named(rightsOf('sw')), ['maySetSeen', 'maySetKeywords'])
  assert.deepEqual(named(rightsOf('kx')), ['mayCreateChild', 'mayRename', 'mayDelete'])
  assert.deepEqual(named(rightsOf('pa')), ['maySubmit', 'mayShare'])
  assert.equal(named(allRights).length, 10)
})

test('flags: s for \\Seen, t for \\Deleted, w for all others', () => {
  assert.deepEqual(flagRights(rightsOf('s')), { seen: true, deleted: false, others: false })
  assert.deepEqual(flagRights(rightsOf('t')), { seen: false, deleted: true, others: false })
  assert.deepEqual(flagRights(rightsOf('lrwikxea')), { seen: false, deleted: false, others: true })
})

test('a mailbox row comes back with its grants and counts; older rows have none', () => {
  const counts = { emails: 3, unreadEmails: 2, threads: 2, unreadThreads: 2, unreadThreadsWithin: 1 }
  const last = { grantsModseq: 8 as Modseq, sortOrder: 2 ** 31 - 1, counts }
  const row: MailboxRow = {
    name: 'Projekte',
    parent: 3 as MailboxId,
    role: undefined,
    subscribed: true,
    uidValidity: 77,
    uidNext: 5 as Uid,
    highestModseq: 9 as Modseq,
    messages: 4,
    unseen: 3,
    deleted: 2,
    sizeBytes: 1000,
    grants: [],
    ...last,
  }
  assert.deepEqual(mailboxRowCodec.decode(mailboxRowCodec.encode(row)), row)
  const shared = { ...row, grants: [grant(fred, 'lr'), grant(staff, undefined, 'w'), grant(anyone, '')] }
  const bytes = mailboxRowCodec.encode(shared)
  assert.deepEqual(mailboxRowCodec.decode(bytes), shared)
  const none = { grantsModseq: 0, sortOrder: 0, counts: noCounts }
  const lastBytes = 1 + 5 + 5
  const withGrants = Uint8Array.of(2, ...bytes.subarray(1, -lastBytes))
  assert.deepEqual(mailboxRowCodec.decode(withGrants), { ...shared, ...none })
  const plain = Uint8Array.of(1, ...mailboxRowCodec.encode(row).subarray(1, -lastBytes - 1))
  assert.deepEqual(mailboxRowCodec.decode(plain), { ...row, ...none })
})
