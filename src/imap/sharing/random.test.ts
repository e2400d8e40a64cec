/**
 * Users and groups with random rights try commands on each other's mailboxes; each outcome, each list and each
 * flag must be the model's (`rights-model.test.ts`).
 *
 * Faults that were planted, each of which turns this red. By the test itself, see `faults`: rights not asked
 * when a mailbox is opened; rights not asked in the selected mailbox; everything allowed in a mailbox that is
 * loaded; groups forgotten; what cannot be seen listed. By hand, and noticed within 60 runs: `k` not asked in
 * `newPlace`; what is hidden told of there; all allowed at the top of a group; negative rights left out; the
 * owner's entry taken for nothing; `l` and `a` taken from an owner; grants not inherited; the index not asked
 * for `anyone`; what is hidden refused in place of not found; `e` not asked by EXPUNGE and by CLOSE, `t` and `e`
 * not by MOVE, any not by STORE and MYRIGHTS; flags not filtered by APPEND, COPY and STORE; the selected mailbox
 * kept without `r`.
 */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import fc from 'fast-check'
import type { AccountId, MailboxId } from '#base/id.ts'
import { mailboxPaths } from '#mail/mailbox-path.ts'
import { allRights, anyone, noRights, rightsOf } from '#mail/rights.ts'
import { changeGrant } from '#mail/share.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ImapTestServer } from '../fixture.test.ts'
import { noSuchMailbox } from '../namespace/mailbox-ref.ts'
import { Mailboxes } from '../namespace/mailboxes.ts'
import * as model from './rights-model.test.ts'
import type { Box, Owner } from './rights-model.test.ts'
import { ImapSession } from '../session/session.ts'

const paths = ['INBOX', 'Archive', 'Archive/a', 'Archive/a/b', 'Junk', 'Top', 'Top/c', 'Nowhere']
const flagLists = [
  ['\\Seen'],
  ['\\Deleted'],
  ['\\Flagged'],
  ['\\Seen', '\\Deleted', 'work'],
  ['work', '\\Flagged'],
  [],
]
const modes = ['', '+', '-'] as const

interface Step {
  readonly user: number
  readonly owner: number
  readonly path: number
  /** Which of the mailboxes that can be reached, in place of these two. */
  readonly aim: number
  readonly aim2: number
  readonly command: string
  /** Of another mailbox, identifier, list of flags: by need. */
  readonly owner2: number
  readonly path2: number
  readonly flags: number
  readonly mode: number
  readonly letters: readonly string[]
  readonly isDenied: boolean
  /** A command for the selected mailbox selects another one first. */
  readonly isElsewhere: boolean
}

/** How often each is tried. */
const weights: readonly (readonly [times: number, names: string])[] = [
  [1, 'LIST SELECT EXAMINE STATUS DELETE RENAME SUBSCRIBE DELETEACL GETACL MYRIGHTS LISTRIGHTS SEARCH NOOP'],
  [2, 'EXPUNGE CLOSE'],
  [3, 'APPEND CREATE JOIN MOVE'],
  [4, 'SETACL STORE FETCH COPY'],
]
const commands = weights.flatMap(([times, names]) =>
  names.split(' ').flatMap((name) => Array.from({ length: times }, () => name)),
)

const lettersArbitrary = fc
  .tuple(fc.nat(3), fc.nat(3), fc.subarray(model.letters.slice(2).split('')))
  .map(([l, r, rest]) => [...(l > 0 ? ['l'] : []), ...(r > 0 ? ['r'] : []), ...rest])

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  user: fc.nat(2),
  owner: fc.nat(4),
  path: fc.nat(paths.length - 1),
  aim: fc.nat(1000),
  aim2: fc.nat(1000),
  command: fc.constantFrom(...commands),
  owner2: fc.nat(6),
  path2: fc.nat(paths.length - 1),
  flags: fc.nat(flagLists.length - 1),
  mode: fc.nat(2),
  letters: lettersArbitrary,
  isDenied: fc.nat(5).map((n) => n === 0),
  isElsewhere: fc.boolean(),
})

/** What is so before anybody does anything: rights, and a message with flags. */
interface Given {
  readonly owner: number
  readonly mailbox: number
  readonly to: number
  readonly letters: readonly string[]
  readonly isDenied: boolean
  readonly flags: number
}

const shared = ['INBOX', 'Archive', 'Junk']
const sharedIds = [1, 6, 4] as MailboxId[]

const givenArbitrary: fc.Arbitrary<Given> = fc.record({
  owner: fc.nat(4),
  mailbox: fc.nat(shared.length - 1),
  /** 5 is anyone, more the owner. */
  to: fc.nat(7),
  letters: lettersArbitrary,
  isDenied: fc.nat(8).map((n) => n === 0),
  flags: fc.nat(flagLists.length - 1),
})

interface Seat {
  readonly user: Owner
  client: Conversation
  selected: { readonly box: Box; readonly isReadOnly: boolean } | undefined
}

class Play {
  readonly #server: ImapTestServer
  readonly owners: readonly Owner[]
  readonly #seats: Seat[] = []
  #tag = 0

  constructor(server: ImapTestServer) {
    this.#server = server
    this.owners = [
      model.makeOwner(7, 'fred@example.org', false),
      model.makeOwner(8, 'anna@example.org', false),
      model.makeOwner(10, 'bob@example.org', false),
      model.makeOwner(9, 'staff@example.org', true),
      model.makeOwner(11, 'all@example.org', true),
    ]
  }

  async start(): Promise<void> {
    for (const { id, name, isGroup } of this.owners.slice(1)) await this.#server.add(id, name, { isGroup })
    for (const user of this.owners.slice(0, 3))
      this.#seats.push({ user, client: await this.#server.signedIn(user.name), selected: undefined })
  }

  async give({ owner: at, mailbox, to, letters, isDenied, flags }: Given): Promise<void> {
    const owner = this.owners[at]!
    const box = owner.boxes.get(shared[mailbox]!)!
    const grantee = to > 5 ? owner : this.owners[to]
    const id = owner.id as AccountId
    const change = {
      kind: isDenied ? 'denied' : 'granted',
      how: 'set',
      rights: rightsOf(letters.join('')),
    } as const
    await this.#server.db.write([id], (tx) =>
      changeGrant(
        tx,
        { account: id, mailbox: sharedIds[mailbox]! },
        { ...change, grantee: (grantee?.id as AccountId | undefined) ?? anyone },
        {
          maxShares: 100,
        },
      ),
    )
    model.setAcl(box, (isDenied ? '-' : '') + (grantee?.name ?? 'anyone'), '', letters)
    const given = flagLists[flags]!
    const keywords = given
      .filter((flag) => flag !== '\\Deleted')
      .map((flag) => flag.replace('\\', '$').toLowerCase())
    const deleted = given.includes('\\Deleted')
    await this.#server.deliver('a: b\n', { mailbox: sharedIds[mailbox]!, keywords, deleted, to: id })
    model.append(box, new Set(model.letters), given)
  }

  async step(step: Step): Promise<void> {
    const seat = this.#seats[step.user]!
    const { owner, path } = this.#place(
      seat.user,
      step,
      step.aim,
      this.owners[step.owner]!,
      paths[step.path]!,
    )
    const name = `"${model.pathFor(seat.user, owner, path)}"`
    if (step.command === 'JOIN') {
      this.#join(seat.user, step)
      return
    }
    if (isOfSelected(step.command)) {
      if (step.isElsewhere) await this.#byName(seat, { ...step, command: 'SELECT' }, { owner, path, name })
      await this.#inSelected(seat, step)
    } else await this.#byName(seat, step, { owner, path, name })
    // The own command took the right away.
    if (seat.selected !== undefined && !this.#canRead(seat)) await this.#goodbye(seat)
  }

  /** Mostly one that there is and where the user has a right, of somebody else or, of rights, an own one. */
  #place(
    user: Owner,
    { command }: Step,
    aim: number,
    owner: Owner,
    path: string,
  ): { owner: Owner; path: string } {
    const ownOnes = command.endsWith('ACL') && aim % 2 === 0
    const places = this.owners
      .filter((one) => (one === user) === ownOnes)
      .flatMap((one) => [...one.boxes].map(([at, box]) => ({ owner: one, path: at, box })))
      .filter(({ box }) => (ownOnes ? box.given.size > 0 : model.rightsOn(user, box).size > 0))
    return aim % 5 === 0 || places.length === 0 ? { owner, path } : places[aim % places.length]!
  }

  #join(user: Owner, { owner2 }: Step): void {
    user.groups = [[], [3], [4], [3, 4]][owner2 % 4]!.map((i) => this.owners[i]!)
    const person = this.#server.people.find(({ id }) => id === user.id)!
    person.groups = user.groups.map(({ id }) => id as never)
  }

  /** The lines up to the tagged one. A goodbye follows exactly where the selected mailbox is lost. */
  async #run(seat: Seat, line: string): Promise<string[]> {
    const tag = `t${++this.#tag}`
    const isLost = seat.selected !== undefined && !this.#canRead(seat)
    seat.client.send(`${tag} ${line}`)
    const lines = await seat.client.until(`${tag} `)
    if (isLost) await this.#goodbye(seat)
    return lines
  }

  async #goodbye(seat: Seat): Promise<void> {
    await seat.client.until('* BYE The selected mailbox was deleted')
    await seat.client.expectEnd()
    seat.client = await this.#server.signedIn(seat.user.name)
    seat.selected = undefined
  }

  #canRead({ user, selected }: Seat): boolean {
    const { box } = selected!
    return [...box.owner.boxes.values()].includes(box) && model.rightsOn(user, box).has('r')
  }

  async #expect(seat: Seat, line: string, expected: string): Promise<string[]> {
    const lines = await this.#run(seat, line)
    model.assertOutcome(
      lines.at(-1)!,
      expected,
      `${seat.user.name}: ${line}\n${seat.client.transcript.slice(-2000)}`,
    )
    return lines.slice(0, -1)
  }

  async #byName(seat: Seat, step: Step, at: { owner: Owner; path: string; name: string }): Promise<void> {
    const { user } = seat
    const { owner, path, name } = at
    const box = owner.boxes.get(path)
    const asking = (needs: string): string => model.asking(user, owner, path, needs)
    switch (step.command) {
      case 'LIST': {
        const lines = await this.#expect(seat, 'LIST "" *', 'OK')
        const listed = lines.map((line) => /^\* LIST \([^)]*\) "\/" "?([^"]*)"?$/.exec(line)?.[1])
        assert.deepEqual(listed.filter((one) => one !== undefined).sort(), model.visible(user, this.owners))
        return
      }
      case 'SELECT':
      case 'EXAMINE':
        seat.selected = undefined
        return this.#select(seat, step.command, asking('r'), name, box)
      case 'STATUS': {
        const lines = await this.#expect(seat, `STATUS ${name} (MESSAGES)`, asking('r'))
        const said = lines.find((line) => line.startsWith('* STATUS'))
        if (asking('r') === 'OK') assert.match(said!, new RegExp(`MESSAGES ${box!.entries.length}\\)$`))
        return
      }
      case 'APPEND':
        return this.#append(seat, step, name, box, filling(asking('i')))
      case 'CREATE': {
        const outcome = model.making(user, owner, path)
        await this.#expect(seat, `CREATE ${name}`, outcome)
        if (outcome === 'OK') model.make(owner, path)
        return
      }
      case 'DELETE':
        return this.#delete(seat, at, asking('x'))
      case 'RENAME':
        return this.#rename(seat, step, at, asking('x'))
      case 'SUBSCRIBE':
        await this.#expect(seat, `SUBSCRIBE ${name}`, asking('l'))
        return
      default:
        return this.#acl(seat, step, name, box, asking('a'))
    }
  }

  async #select(
    seat: Seat,
    verb: string,
    outcome: string,
    name: string,
    box: Box | undefined,
  ): Promise<void> {
    const lines = await this.#run(seat, `${verb} ${name}`)
    model.assertOutcome(lines.at(-1)!, outcome, `${seat.user.name}: ${verb} ${name}`)
    if (outcome !== 'OK') return
    const rights = model.rightsOn(seat.user, box!)
    const isReadOnly = verb === 'EXAMINE'
    const writes = !isReadOnly && Array.from('ieswt').some((right) => rights.has(right))
    assert.match(lines.at(-1)!, writes ? /\[READ-WRITE\]/ : /\[READ-ONLY\]/)
    seat.selected = { box: box!, isReadOnly }
  }

  async #append(seat: Seat, step: Step, name: string, box: Box | undefined, outcome: string): Promise<void> {
    const flags = flagLists[step.flags]!
    await this.#expect(seat, `APPEND ${name} (${flags.join(' ')}) {5+}\r\na: b\n`, outcome)
    if (outcome === 'OK') model.append(box!, model.rightsOn(seat.user, box!), flags)
  }

  async #delete(
    seat: Seat,
    { owner, path, name }: { owner: Owner; path: string; name: string },
    asked: string,
  ) {
    const refusal = path === 'INBOX' ? 'CANNOT' : model.hasBelow(owner, path) ? 'HASCHILDREN' : 'OK'
    const outcome = asked === 'OK' ? refusal : asked
    // The own session leaves a mailbox that it deletes without a goodbye.
    if (outcome === 'OK' && seat.selected?.box === owner.boxes.get(path)) seat.selected = undefined
    await this.#expect(seat, `DELETE ${name}`, outcome)
    if (outcome === 'OK') owner.boxes.delete(path)
  }

  async #rename(seat: Seat, step: Step, at: { owner: Owner; path: string; name: string }, asked: string) {
    const { user } = seat
    const { owner, path } = at
    // What RENAME does to INBOX is told in rename.ts, and not about rights.
    if (path === 'INBOX' && owner === user) return
    const target = step.aim2 % 3 === 0 ? this.owners[step.owner2 % 5]! : owner
    const to = paths[step.path2]!
    const line = `RENAME ${at.name} "${model.pathFor(user, target, to)}"`
    const making = model.making(user, owner, to)
    const own = path === 'INBOX' || target !== owner ? 'CANNOT' : making
    const outcome = asked !== 'OK' ? asked : own === 'OK' && to.startsWith(`${path}/`) ? 'CANNOT' : own
    await this.#expect(seat, line, outcome)
    if (outcome === 'OK') model.rename(owner, path, to)
  }

  async #acl(seat: Seat, step: Step, name: string, box: Box | undefined, asked: string): Promise<void> {
    const named = [...(box?.given.keys() ?? [])]
    const anybody = [...this.owners.map((owner) => owner.name), 'anyone', 'nobody@example.org'][step.owner2]!
    const who = step.aim2 % 2 === 0 && named.length > 0 ? named[step.aim2 % named.length]! : anybody
    const identifier = (step.isDenied ? '-' : '') + who
    const outcome = asked === 'OK' && who.startsWith('nobody') ? '' : asked
    // Who has lost the selected mailbox and is about to give it back to himself is told before.
    if (box !== undefined && seat.selected?.box === box && !this.#canRead(seat)) await this.#run(seat, 'NOOP')
    const mode = modes[step.mode]!
    switch (step.command) {
      case 'SETACL':
        await this.#expectNamed(
          seat,
          `SETACL ${name} ${identifier} "${mode}${step.letters.join('')}"`,
          outcome,
        )
        if (outcome === 'OK') model.setAcl(box!, identifier, mode, step.letters)
        return
      case 'DELETEACL':
        await this.#expectNamed(seat, `DELETEACL ${name} ${identifier}`, outcome)
        if (outcome === 'OK') model.deleteAcl(box!, identifier)
        return
      case 'LISTRIGHTS':
        await this.#expectNamed(seat, `LISTRIGHTS ${name} ${identifier}`, outcome)
        return
      case 'GETACL': {
        const lines = await this.#expect(seat, `GETACL ${name}`, asked)
        if (asked === 'OK') assert.deepEqual(aclOf(lines), model.acl(box!))
        return
      }
      case 'MYRIGHTS': {
        const rights = box === undefined ? new Set<string>() : model.rightsOn(seat.user, box)
        const isTold = Array.from('lrikxa').some((right) => rights.has(right))
        const lines = await this.#expect(seat, `MYRIGHTS ${name}`, isTold ? 'OK' : 'NONEXISTENT')
        const said = lines
          .find((line) => line.startsWith('* MYRIGHTS'))
          ?.split(' ')
          .at(-1)
        if (isTold) assert.equal(said!.split('').sort().join(''), model.shown(rights))
      }
    }
  }

  /** Who is not there is told without a code. */
  async #expectNamed(seat: Seat, line: string, outcome: string): Promise<void> {
    if (outcome !== '') await this.#expect(seat, line, outcome)
    else assert.match((await this.#run(seat, line)).at(-1)!, /NO There is nobody of that name$/)
  }

  async #inSelected(seat: Seat, step: Step): Promise<void> {
    if (seat.selected === undefined) return
    await this.#run(seat, 'NOOP')
    // The goodbye has come.
    if (seat.selected === undefined) return
    const { box, isReadOnly } = seat.selected
    const rights = model.rightsOn(seat.user, box)
    const flags = flagLists[step.flags]!
    switch (step.command) {
      case 'STORE': {
        const how = modes[step.mode]!
        const outcome = isReadOnly ? 'CANNOT' : model.store(box, rights, how, flags)
        await this.#expect(seat, `UID STORE 1:* ${how}FLAGS (${flags.join(' ')})`, outcome)
        break
      }
      case 'FETCH':
        await this.#expect(seat, 'UID FETCH 1:* BODY[TEXT]', 'OK')
        if (!isReadOnly && rights.has('s')) for (const { message } of box.entries) message.flags.add('\\Seen')
        break
      case 'EXPUNGE': {
        const outcome = isReadOnly ? 'CANNOT' : rights.has('e') ? 'OK' : 'NOPERM'
        await this.#expect(seat, 'EXPUNGE', outcome)
        if (outcome === 'OK') model.expunge(box)
        break
      }
      case 'CLOSE':
        await this.#expect(seat, 'CLOSE', 'OK')
        if (!isReadOnly && rights.has('e')) model.expunge(box)
        seat.selected = undefined
        return
      case 'SEARCH': {
        const lines = await this.#expect(seat, 'UID SEARCH SEEN', 'OK')
        const seen = box.entries.filter(({ message }) => message.flags.has('\\Seen'))
        assert.ok(lines.includes(['* SEARCH', ...seen.map(({ uid }) => uid)].join(' ')), lines.join('\n'))
        break
      }
      case 'COPY':
      case 'MOVE':
        await this.#transfer(seat, step, box, isReadOnly)
    }
    await this.#compareFlags(seat, box)
  }

  async #transfer(seat: Seat, step: Step, box: Box, isReadOnly: boolean): Promise<void> {
    const { user } = seat
    const moves = step.command === 'MOVE'
    const anyOwner = step.isDenied ? user : this.owners[step.owner2 % 5]!
    const { owner, path } = this.#place(user, step, step.aim2, anyOwner, paths[step.path2]!)
    const rights = model.rightsOn(user, box)
    const target = owner.boxes.get(path)
    const mayLeave = !moves || (rights.has('t') && rights.has('e'))
    const asked = filling(model.asking(user, owner, path, 'i'))
    const outcome = moves && isReadOnly ? 'CANNOT' : mayLeave ? asked : 'NOPERM'
    await this.#expect(seat, `UID ${step.command} 1:* "${model.pathFor(user, owner, path)}"`, outcome)
    if (outcome === 'OK') model.copy(box, target!, model.rightsOn(user, target!), moves)
  }

  /** Every mailbox of everybody, as it is stored. */
  async compareAll(): Promise<void> {
    for (const { id, boxes } of this.owners) {
      const view = await this.#server.services.views.open(id as AccountId)
      const ids = new Map([...mailboxPaths(view.mailboxes)].map(([mailbox, path]) => [path, mailbox]))
      assert.deepEqual([...ids.keys()].sort(), [...boxes.keys()].sort())
      for (const [path, { entries }] of boxes) {
        const now = (await view.load(ids.get(path)!))!
        const stored = Array.from({ length: now.count }, (_, i) => {
          const flags = latin1Text(now.flagsAt(i).wire).slice(1, -1).split(' ').sort()
          return `${now.uids.at(i)} ${flags.join(' ')}`
        })
        const expected = entries.map((entry) => `${entry.uid} ${model.flagsOf(entry)}`)
        assert.deepEqual(stored, expected, `${path} of ${id}`)
      }
    }
  }

  async #compareFlags(seat: Seat, box: Box): Promise<void> {
    await this.#run(seat, 'NOOP')
    if (seat.selected === undefined) return
    const lines = await this.#expect(seat, 'UID FETCH 1:* FLAGS', 'OK')
    const found = lines
      .map((line) => /UID (\d+) FLAGS \(([^)]*)\)/.exec(line))
      .filter((match) => match !== null)
    const shown = found.map((match) => `${match[1]} ${match[2]!.split(' ').sort().join(' ')}`)
    assert.deepEqual(
      shown,
      box.entries.map((entry) => `${entry.uid} ${model.flagsOf(entry)}`),
      seat.client.transcript.slice(-3000),
    )
  }
}

const isOfSelected = (command: string): boolean =>
  ['STORE', 'FETCH', 'EXPUNGE', 'CLOSE', 'COPY', 'MOVE', 'SEARCH', 'NOOP'].includes(command)

const latin1Text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** RFC 9051 §6.3.12: who might create the mailbox is told so. */
const filling = (outcome: string): string => (outcome === 'NONEXISTENT' ? 'TRYCREATE' : outcome)

function aclOf(lines: readonly string[]): readonly string[] {
  const line = lines.find((one) => one.startsWith('* ACL '))!
  const strings = [...line.slice(6).matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!)
  const pairs: string[] = []
  for (let i = 1; i < strings.length; i += 2)
    pairs.push(`${strings[i]} ${strings[i + 1]!.split('').sort().join('')}`)
  return pairs.sort()
}

async function play(first: readonly Given[], steps: readonly Step[]): Promise<void> {
  await using server = await ImapTestServer.start()
  const one = new Play(server)
  await one.start()
  for (const given of first) await one.give(given)
  for (const step of steps) await one.step(step)
  await one.compareAll()
}

const property = fc.asyncProperty(
  fc.array(givenArbitrary, { minLength: 10, maxLength: 40, size: 'max' }),
  fc.array(stepArbitrary, { minLength: 50, maxLength: 150, size: 'max' }),
  play,
)

test('whatever people try on each other’s mailboxes, the outcome is the model’s', async () => {
  await fc.assert(property, { numRuns: 15, endOnFailure: true })
})

const faults: Readonly<Record<string, () => void>> = {
  'rights are not asked when a mailbox is opened': () =>
    mock.method(Mailboxes.prototype, 'open', async function (this: Mailboxes, path: string) {
      const ref = await this.find(path)
      if (ref === undefined) throw noSuchMailbox()
      return ref
    }),
  'rights are not asked in the selected mailbox': () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its session below
    const asked = ImapSession.prototype.selectedNow
    mock.method(ImapSession.prototype, 'selectedNow', function (this: ImapSession) {
      return asked.call(this, 'r')
    })
  },
  'everything is allowed in a mailbox that was loaded': () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its session below
    const held = Mailboxes.prototype.held
    mock.method(
      Mailboxes.prototype,
      'held',
      async function (this: Mailboxes, ...args: Parameters<typeof held>) {
        return { ...(await held.apply(this, args)), rights: allRights }
      },
    )
  },
  'groups are forgotten': () =>
    mock.method(Mailboxes.prototype, 'who', async function (this: Mailboxes) {
      return { account: this.account, groups: [] }
    }),
  'what cannot be seen is listed': () =>
    mock.method(Mailboxes.prototype, 'foreign', async function (this: Mailboxes) {
      const who = this.account === 7 ? 8 : 7
      const ref = await this.find(`Other Users/${who === 7 ? 'fred' : 'anna'}@example.org/Archive`)
      return ref === undefined ? [] : [{ ...ref, needs: noRights }]
    }),
}

for (const [what, plant] of Object.entries(faults)) {
  test(`a planted fault is noticed: ${what}`, async () => {
    plant()
    try {
      const details = await fc.check(property, { numRuns: 40, seed: 1, endOnFailure: true })
      assert.ok(details.failed)
    } finally {
      mock.restoreAll()
    }
  })
}
