import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveSettings } from '#registry/live.ts'
import { destinationOf } from './route.ts'
import { queueSettings } from './settings.ts'

test('where mail goes does not depend on how a domain is written', async () => {
  const settings = new LiveSettings([...queueSettings] as never)
  settings.loadText('[MtaRoute.lan]\ndomains = ["*.lan.example"]\naddress = "127.0.0.1"\n', 'test.toml')
  const of = async (address: string) =>
    (await destinationOf({ settings, isLocal: (one) => one.endsWith('@here.example') }, address)).key
  for (const [address, key] of [
    ['bob@here.example', 'local'],
    ['bob@remote.example', 'remote.example'],
    ['bob@REMOTE.Example', 'remote.example'],
    ['jürgen@bücher.example', 'xn--bcher-kva.example'],
    ['bob@XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['"x@y"@remote.example', 'remote.example'],
    ['bob@a.LAN.example', 'relay lan'],
    ['bob@[192.0.2.1]', '[192.0.2.1]'],
  ])
    assert.equal(await of(address!), key)
})
