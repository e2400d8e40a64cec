/** What the comparison of a domain's records with the DNS means for the mail that it sends. */
import type { Finding } from '#admin/doctor.ts'
import type { CheckedRecord } from '#cert/dns-check.ts'
import { type DkimStage } from '#account/dkim-tables.ts'

/** Of the keys of a domain: those that sign, those that wait, those that are over. */
export function dkimFinding(
  domain: string,
  keys: readonly { readonly name: string; readonly stage: DkimStage }[],
  checked: readonly CheckedRecord[],
): Finding {
  const about = { check: 'DKIM', of: domain }
  const advice = `Publish the records that \`postern domain dns ${domain}\` prints.`
  const found = (name: string) => checked.find((one) => one.name === name && one.purpose === 'DKIM')
  const named = (stage: DkimStage, ...results: readonly (CheckedRecord['result'] | undefined)[]) =>
    keys
      .filter((key) => key.stage === stage && results.includes(found(key.name)?.result))
      .map(({ name }) => name)
  const unknown = checked.find(({ purpose, result }) => purpose === 'DKIM' && result === 'unknown')
  if (unknown !== undefined) return { ...about, result: 'skipped', said: unknown.said ?? '' }
  const broken = named('active', 'missing', 'wrong')
  if (broken.length > 0)
    return {
      ...about,
      result: 'problem',
      said: `mail of ${domain} is signed, and nobody can check it: the DNS has not the key at ${broken.join(', ')}`,
      advice,
    }
  const signing = named('active', 'ok')
  const waiting = named('pending', 'missing', 'wrong')
  if (signing.length === 0 && named('pending', 'ok').length === 0)
    return {
      ...about,
      result: 'problem',
      said: `mail of ${domain} is not signed: ${waiting.length === 0 ? 'it has no key' : 'its keys wait for their records'}`,
      advice: waiting.length === 0 ? `Make one: postern dkim create ${domain}` : advice,
    }
  if (waiting.length > 0)
    return {
      ...about,
      result: 'note',
      said: `new keys wait for their records: ${waiting.join(', ')}`,
      advice,
    }
  const over = named('retired', 'foreign')
  if (over.length > 0)
    return {
      ...about,
      result: 'note',
      said: `the DNS still has keys that are over: ${over.join(', ')}`,
      advice: 'Remove their records.',
    }
  return { ...about, result: 'ok', said: `mail of ${domain} is signed, and the DNS has the keys` }
}

export function dmarcFinding(domain: string, checked: readonly CheckedRecord[]): Finding {
  const about = { check: 'DMARC', of: domain }
  const one = checked.find(({ purpose }) => purpose === 'DMARC')
  const advice = `Publish the record that \`postern domain dns ${domain}\` prints, or one with a policy of your own.`
  switch (one?.result) {
    case 'ok':
      return {
        ...about,
        result: 'ok',
        said: `the DMARC record of ${domain} is in order: ${one.found.join(' ')}`,
      }
    case 'missing':
      return { ...about, result: 'problem', said: `${domain} has no DMARC record`, advice }
    case 'wrong':
      return {
        ...about,
        result: 'problem',
        said: `the DMARC record of ${domain} does not count: ${[one.found.join(' '), one.said ?? ''].join(' ').trim()}`,
        advice,
      }
    default:
      return { ...about, result: 'skipped', said: one?.said ?? 'it was not looked at' }
  }
}
