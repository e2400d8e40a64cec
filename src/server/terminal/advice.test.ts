import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Fault } from '#base/fault.ts'
import { Advice, adviseOn } from './advice.ts'

const adviceOn = (error: unknown): string => {
  const told = adviseOn(error)
  assert.ok(told instanceof Advice)
  return told.message
}

it('tells of a full disk in the same words whoever noticed it', () => {
  const system = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    path: '/data/x',
  })
  for (const error of [system, new Error('No space left on device'), new Error('database or disk is full')]) {
    assert.match(adviceOn(error), /The disk is full\. Make room, then start again\.$/)
  }
})

it('tells where nothing may be written in the same words whoever noticed it', () => {
  for (const text of [
    'EACCES: x',
    'Permission denied: Attempting to setup locks',
    'attempt to write a readonly database',
  ])
    assert.match(
      adviceOn(Object.assign(new Error(text), text.startsWith('EACCES') && { code: 'EACCES' })),
      /This user may not write there\. Start as the owner of the directory, or name another with --data\.$/,
    )
  assert.match(
    adviceOn(new Error('Read-only file system: Attempting to setup locks')),
    /The file system is mounted read-only\. Name another directory with --data\.$/,
  )
})

it('lists what is wrong with a configuration, and leaves defects as they are', () => {
  assert.match(
    adviceOn(new Fault('invalid', 'postern.toml:3: no such port', {})),
    /^postern\.toml:3: no such port\n/,
  )
  const defect = new TypeError('x is not a function')
  assert.equal(adviseOn(defect), defect)
})
