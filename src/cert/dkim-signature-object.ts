/** DKIM keys as they are managed. A key is called by the name of its record. */
import { dkimAlgorithms, dkimStages } from '#account/dkim-tables.ts'
import { createdAt, ownDomain, shortText } from '#account/objects/fields.ts'
import type { ManagedObject } from '#registry/managed-object.ts'
import { dateTime, oneOf, secret, text } from '#settings/field.ts'
import { algorithmSpellings, selectorField, signingFields } from './dkim-fields.ts'

export const dkimSignatureObject: ManagedObject = {
  name: 'DkimSignature',
  title: 'DKIM keys',
  help: 'Keys that mail of a domain is signed with. Those of a domain with automatic management come, change and go by themselves.',
  kind: 'record',
  fields: {
    name: text({ fallback: '', settable: 'never', help: 'The name of its record in the DNS.' }),
    domain: ownDomain({
      fallback: '',
      required: true,
      settable: 'atCreation',
      help: 'The domain whose mail it signs: one of this server, or an alias of one.',
    }),
    selector: selectorField({
      fallback: undefined,
      settable: 'atCreation',
      help: 'What tells the keys of a domain apart. Without one it is made by the template of the domain.',
    }),
    algorithm: oneOf(dkimAlgorithms, {
      fallback: undefined,
      settable: 'atCreation',
      spellings: algorithmSpellings,
      help: 'How it signs. A key that is given says it itself; a new one is of Ed25519 unless this says otherwise.',
    }),
    privateKey: secret({
      fallback: undefined,
      settable: 'atCreation',
      help: 'The private key in PEM, without a passphrase. Without one a new key is made. It is never shown.',
    }),
    stage: oneOf(dkimStages, {
      fallback: 'pending',
      help: 'A pending key signs nothing until its record is seen in the DNS, then it is active. One that retires signs no more, and its record stays for mail on its way; when it is retired, the record is to be removed.',
    }),
    ...signingFields,
    management: text({
      fallback: '',
      settable: 'never',
      help: '`automatic`: the server made it and ends it. `manual`: somebody brought it or asked for it. `configuration`: the configuration gives it, and can only be changed there.',
    }),
    publicKey: text({ fallback: '', settable: 'never', help: 'The public key, as its record has it.' }),
    record: text({ fallback: '', settable: 'never', help: 'The text of the record to publish.' }),
    stageSince: dateTime({ fallback: undefined, settable: 'never', help: 'When its stage began.' }),
    nextTransitionAt: dateTime({
      fallback: undefined,
      settable: 'never',
      help: 'When its stage changes by itself. An active key goes on until the record of the next one is seen.',
    }),
    createdAt,
  },
  filters: {
    text: shortText('Part of its name.', 200),
    domain: ownDomain({ fallback: undefined, help: 'Only those of this domain.' }),
    stage: oneOf(dkimStages, { fallback: undefined, help: 'Only those of this stage.' }),
  },
}
