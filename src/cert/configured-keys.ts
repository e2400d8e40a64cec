/** The DKIM keys that the configuration gives, as those of the store. They sign from the start. */
import type { DkimKeyRow } from '#account/dkim-tables.ts'
import type { Settings } from '#settings/object.ts'
import { readDkimKey } from './dkim-key-pair.ts'
import { dkimSignature } from './settings.ts'

export interface ConfiguredKey {
  readonly domain: string
  readonly selector: string
  readonly row: DkimKeyRow
}

export function configuredKeys(settings: Pick<Settings, 'each'>): readonly ConfiguredKey[] {
  return settings.each(dkimSignature).flatMap(({ domain, selector, privateKey, algorithm: _, ...rest }) => {
    const pair = readDkimKey(privateKey?.reveal() ?? '')
    if (typeof pair === 'string') return []
    const { canonicalization, headers, expire } = rest
    const always = { isAutomatic: false, stage: 'active', stageSince: 0, createdAt: 0 } as const
    return [{ domain, selector, row: { ...pair, ...always, canonicalization, headers, expire } }]
  })
}
