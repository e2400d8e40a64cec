import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { always } from './session/capabilities.ts'
import { commands } from './registry.ts'

test('every word of CAPABILITY is in brackets in the title of a conversation', () => {
  const titles = globSync('**/*.test.ts', { cwd: import.meta.dirname })
    .map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8'))
    .flatMap((text) => [...text.matchAll(/^test\(\s*['"`](.*)['"`],/gm)].map((match) => match[1]!))
  for (const word of [
    ...always,
    'APPENDLIMIT',
    'LITERAL+',
    'LITERAL-',
    'MESSAGELIMIT',
    'SAVELIMIT',
    'JMAPACCESS',
    'QUOTASET',
    'UTF8=ACCEPT',
    'STARTTLS',
    'LOGINDISABLED',
    'AUTH=PLAIN',
    'AUTH=LOGIN',
    'AUTH=SCRAM-SHA-256',
    'COMPRESS=DEFLATE',
    'UNAUTHENTICATE',
  ]) {
    assert.ok(
      titles.some((title) => title.includes(`[${word}]`)),
      `no test is about ${word}`,
    )
  }
})

test('commands have one name each, and say where they are defined', () => {
  assert.equal(new Set(commands.map(({ name }) => name)).size, commands.length)
  for (const { name, standard, states } of commands) {
    assert.match(standard, /^RFC \d+ §\d/, name)
    assert.ok(states.length > 0, name)
  }
})
