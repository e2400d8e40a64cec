import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { anyone, formatRights, type Grant, noRights, rightsOf } from '#mail/rights.ts'
import { grantsFor, rightNames, shareWithOf, type ShareWith, shareWithValue } from './share-with.ts'

const owner = 7 as AccountId
const ann = 8 as AccountId
const grant = (grantee: AccountId, granted?: string, denied = ''): Grant => ({
  grantee,
  granted: granted === undefined ? undefined : rightsOf(granted),
  denied: rightsOf(denied),
})
/** Of Ann, with these rights and no others. */
const map = (...names: readonly string[]): ShareWith =>
  shareWithValue.read(
    { P8: Object.fromEntries(rightNames.map((name) => [name, names.includes(name)])) },
    '',
    [],
  )!
const letters = (grants: readonly Grant[]): readonly string[] =>
  grants.map(
    ({ grantee, granted, denied }) =>
      `${grantee} ${formatRights(granted ?? noRights)} -${formatRights(denied)}`,
  )

test('RFC 9670 §4: null where nobody is named; the owner and anyone are no Principals of the map', () => {
  assert.equal(shareWithOf({ id: owner }, { grants: [] }), null)
  const grants = [grant(owner, 'lr'), grant(anyone, 'lr'), grant(9 as AccountId, undefined, 'w')]
  assert.equal(shareWithOf({ id: owner }, { grants }), null)
  const shown = shareWithOf({ id: owner }, { grants: [...grants, grant(ann, 'lrsw', 'w')] })
  assert.deepEqual(Object.keys(shown!), ['P8'])
  const rights = shown!['P8'] as Record<string, boolean>
  assert.deepEqual(Object.keys(rights), rightNames)
  assert.deepEqual(
    rightNames.filter((name) => rights[name]),
    ['mayReadItems', 'maySetSeen'],
  )
})

test('RFC 9670 §4: a map becomes grants; letters that were left as they are stay', () => {
  assert.deepEqual(letters(grantsFor(owner, [], map('mayReadItems', 'mayAddItems'))), ['8 lri -'])
  assert.deepEqual(letters(grantsFor(owner, [grant(ann, 'lt')], map('mayAddItems'))), [
    `8 ${formatRights(rightsOf('lti'))} -`,
  ])
  assert.deepEqual(letters(grantsFor(owner, [grant(ann, 'lrsw')], map('mayReadItems'))), ['8 lr -'])
  assert.deepEqual(
    letters(grantsFor(owner, [grant(ann, 'lr', 'w')], map('mayReadItems', 'maySetKeywords'))),
    ['8 lrw -'],
  )
  assert.deepEqual(letters(grantsFor(owner, [grant(ann, 'lr')], null)), ['8  -'])
  const others = [grant(owner, 'lr'), grant(anyone, 'l'), grant(ann, 'lr')]
  assert.deepEqual(letters(grantsFor(owner, others, null)), ['7 lr -', '4294967295 l -', '8  -'])
})

test('RFC 8621 §2: one letter is both mayRename and mayDelete, and nobody gets one by the other', () => {
  assert.deepEqual(letters(grantsFor(owner, [], map('mayRename', 'mayDelete'))), [
    `8 ${formatRights(rightsOf('x'))} -`,
  ])
  assert.deepEqual(letters(grantsFor(owner, [], map('mayRename'))), ['8  -'])
  assert.deepEqual(letters(grantsFor(owner, [grant(ann, 'lrx')], map('mayReadItems', 'mayDelete'))), [
    '8 lr -',
  ])
})

test('RFC 9670 §4: a right that is none', () => {
  const problems: { property: string }[] = []
  shareWithValue.read({ P8: { mayFly: true } }, 'shareWith', problems as never)
  assert.ok(problems.length > 0)
})
