import assert from 'node:assert/strict'
import fs, {
  mkdtempSync,
  renameSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Journal } from './journal.ts'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'postern-journal-'))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const bytes = (text: string): Uint8Array[] => [Buffer.from(text.slice(0, 2)), Buffer.from(text.slice(2))]
const replayed = (): string[] => {
  using journal = new Journal(directory)
  return [...journal.replay()].map(({ group, payload }) => `${group} ${Buffer.from(payload).toString()}`)
}

describe('journal', () => {
  it('gives back what was appended, in order', () => {
    using journal = new Journal(directory)
    for (const [i, text] of ['one', 'two', '', 'a longer one'].entries()) journal.append(i + 1, bytes(text))
    assert.deepEqual(replayed(), ['1 one', '2 two', '3 ', '4 a longer one'])
  })

  it('keeps groups larger than a file, and many of them', () => {
    using journal = new Journal(directory)
    const large = Buffer.alloc(9 << 20, 7)
    journal.append(1, [large])
    journal.append(2, bytes('small'))
    journal.append(
      3,
      Array.from({ length: 2000 }, () => Buffer.from('x')),
    )
    using again = new Journal(directory)
    const sizes = [...again.replay()].map(({ group, payload }) => [group, payload.length])
    assert.deepEqual(sizes, [
      [1, large.length],
      [2, 5],
      [3, 2000],
    ])
  })

  it('ends a file at the first record that is cut off or damaged, wherever that is', () => {
    {
      using journal = new Journal(directory)
      for (let i = 1; i <= 3; i++) journal.append(i, bytes(`group ${i}`))
    }
    const [name] = readdirSync(directory)
    const file = join(directory, name!)
    const whole = readFileSync(file)
    const record = 16 + 'group 1'.length + 4
    for (let at = 0; at < 3 * record; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x55
      writeFileSync(file, damaged)
      const good = Math.floor(at / record)
      assert.deepEqual(replayed(), ['1 group 1', '2 group 2', '3 group 3'].slice(0, good), `byte ${at}`)
    }
    for (let length = 3 * record; length >= 0; length -= 5) {
      writeFileSync(file, whole)
      truncateSync(file, length)
      assert.equal(replayed().length, Math.floor(length / record), `cut at ${length}`)
    }
  })

  it('uses released files again, and old groups in them do not come back', () => {
    using journal = new Journal(directory)
    const half = Buffer.alloc(5 << 20, 1)
    for (let i = 1; i <= 6; i++) {
      journal.append(i, [half, Buffer.from(String(i))])
      if (i >= 2) journal.release(i - 1)
    }
    assert.ok(readdirSync(directory).length <= 3, readdirSync(directory).join())
    using again = new Journal(directory)
    assert.deepEqual(
      [...again.replay()].map(({ group }) => group).filter((group) => group > 5),
      [6],
    )
    journal.release(6)
    journal.append(7, bytes('after a release of everything'))
    assert.ok(replayed().at(-1)!.startsWith('7 after'))
  })

  it('takes the later of two groups with one number, and nothing that followed the first', () => {
    {
      using first = new Journal(directory)
      first.append(1, bytes('kept'))
      first.append(2, bytes('failed, as its author was told'))
    }
    {
      using second = new Journal(directory)
      second.append(2, bytes('took its place'))
    }
    assert.deepEqual(replayed(), ['1 kept', '2 took its place'])
  })

  // Planted: what cannot be read is taken for the end of the file.
  it('does not take what the disk does not give for the end, and says which file it is', (t) => {
    using journal = new Journal(directory)
    journal.append(1, [Buffer.from('acknowledged')])
    const failed = t.mock.method(fs, 'readSync', () => {
      throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    })
    syncBuiltinESMExports()
    try {
      assert.throws(() => [...new Journal(directory).replay()], /00000001\.log cannot be read: EIO/)
    } finally {
      failed.mock.restore()
      syncBuiltinESMExports()
    }
    assert.equal([...new Journal(directory).replay()].length, 1)
  })

  it('is not misled by a file that was taken into use again and never written', () => {
    {
      using old = new Journal(directory)
      for (let group = 1; group <= 3; group++) old.append(group, bytes(`released ${group}`))
    }
    // As a power cut leaves it between the new name of the file and its first record.
    renameSync(join(directory, '00000001.log'), join(directory, '00000007.log'))
    const current = mkdtempSync(join(tmpdir(), 'postern-journal-'))
    {
      using journal = new Journal(current)
      for (let group = 10; group <= 12; group++) journal.append(group, bytes(`acknowledged ${group}`))
    }
    renameSync(join(current, '00000001.log'), join(directory, '00000006.log'))
    rmSync(current, { recursive: true })
    assert.deepEqual(replayed(), ['10 acknowledged 10', '11 acknowledged 11', '12 acknowledged 12'])
  })
})
