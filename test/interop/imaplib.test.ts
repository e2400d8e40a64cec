/** Python's imaplib; its scripts are in python/imap_scripts.py. */
import { after, before, describe, test } from 'node:test'
import { needs } from './program.ts'
import { runPython } from './python-script.ts'
import { alice } from './read-by-curl.ts'
import { startServer, type TestServer } from '../harness/server.ts'

describe('imaplib', needs('python3'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    await server.createAccount(alice.name, alice.password)
    await server.createAccount('bob@example.org', alice.password)
  })
  after(() => server[Symbol.asyncDispose]())

  const scripts: readonly (readonly [string, string])[] = [
    ['sign_in', 'signs in with TLS only, by LOGIN and AUTHENTICATE PLAIN'],
    ['special_use', 'folders with their roles'],
    ['append_and_read', 'what is appended is read with its bytes, flags, date and size'],
    ['flags_and_expunge', 'flags, keywords, EXPUNGE, UID EXPUNGE, CLOSE'],
    ['stable_uids', 'UIDs stay over reconnects'],
    ['copy_and_move', 'COPY and MOVE keep bytes and flags'],
    ['names_beyond_ascii', 'folder names beyond ASCII'],
    ['utf8_enabled', 'folder names in UTF-8, with UTF8=ACCEPT'],
    ['subjects_beyond_ascii', 'search for words beyond ASCII'],
    ['sorting', 'mail in the order of subjects, arrival and size, and threads'],
    ['sharing', 'rights are given, used and taken back'],
    ['idle', 'IDLE wakes for delivery, flags and expunge'],
    ['two_sessions_see_the_same', 'an expunge by another session waits for its time'],
    ['big_message', 'a message of 20 MiB, appended and delivered'],
  ]
  for (const [name, what] of scripts) {
    test(what, async () => void (await runPython(server, alice, 'imap_scripts.py', name)))
  }
})
