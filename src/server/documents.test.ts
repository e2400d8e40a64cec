import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LiveSettings } from '#registry/live.ts'
import { certificatePath } from '../../test/harness/certificates.ts'
import { settingsObjects } from './catalog.ts'
import { planListeners } from './listeners/listener-plans.ts'

const DKIM_KEY = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const docs = join(import.meta.dirname, '../../docs')

test('every configuration in the documents is taken as it stands, without a warning', () => {
  const files = globSync(['configuration.md', 'proxies/*.md'], { cwd: docs })
  assert.ok(files.length >= 5)
  for (const file of files) {
    const text = readFileSync(join(docs, file), 'utf8')
    const blocks = [...text.matchAll(/^```toml\n(.*?)^```/gms)].map(([, block]) => block!)
    assert.ok(blocks.length > 0, file)
    for (const block of blocks) {
      const toml = block
        .replaceAll(
          /%\{file:[^}]+(?:cert\.pem|chain\.pem|\.crt)\}%/g,
          `%{file:${certificatePath('server-chain')}}%`,
        )
        .replaceAll(/%\{file:[^}]+(?:key\.pem|\.key)\}%/g, `%{file:${certificatePath('server.key')}}%`)
      const settings = new LiveSettings(settingsObjects, { ADMIN_PASSWORD: 'x', DKIM_KEY })
      assert.deepEqual(settings.loadText(toml, file).warnings, [])
      const { plans, warnings } = planListeners(settings)
      assert.deepEqual(warnings, [])
      assert.ok(plans.length > 2, file)
    }
  }
})
