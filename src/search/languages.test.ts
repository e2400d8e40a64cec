import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { foldText } from '#message/fold-text.ts'
import { languageByWords } from './common-words.ts'
import { loadLanguages } from './languages.ts'

/** A sentence of each, and two forms of one of its words. */
const samples: readonly (readonly [language: string, text: string, one: string, other: string])[] = [
  ['en', 'Could you please send me the invoices of last month before Friday?', 'invoices', 'invoice'],
  ['de', 'Kannst du mir bitte die Rechnungen vom letzten Monat schicken?', 'Rechnungen', 'Rechnung'],
  ['da', 'Kan du sende mig fakturaerne fra sidste måned inden fredag, tak?', 'fakturaerne', 'faktura'],
  ['es', '¿Puedes enviarme las facturas del mes pasado antes del viernes?', 'facturas', 'factura'],
  ['fi', 'Voisitko lähettää minulle viime kuun laskut ennen perjantaita?', 'laskut', 'lasku'],
  ['fr', "Peux-tu m'envoyer les factures du mois dernier avant vendredi ?", 'factures', 'facture'],
  ['hu', 'El tudnád küldeni a múlt havi számlákat péntekig? Köszönöm', 'számlákat', 'számlák'],
  ['it', 'Puoi mandarmi le fatture del mese scorso entro venerdì? Grazie', 'fatture', 'fattura'],
  ['nl', 'Kun je me de facturen van vorige maand voor vrijdag sturen?', 'maanden', 'maand'],
  ['no', 'Kan du sende meg fakturaene fra forrige måned før fredag? Takk', 'fakturaene', 'fakturaen'],
  ['pt', 'Podes enviar-me as faturas do mês passado até sexta-feira?', 'faturas', 'fatura'],
  ['ro', 'Poți să-mi trimiți facturile de luna trecută până vineri?', 'facturile', 'facturi'],
  ['ru', 'Можешь прислать мне счета за прошлый месяц до пятницы?', 'счета', 'счет'],
  ['sv', 'Kan du skicka mig fakturorna från förra månaden före fredag?', 'fakturorna', 'fakturor'],
  ['tr', 'Geçen ayın faturalarını cumaya kadar bana gönderebilir misin?', 'faturalar', 'faturada'],
]

for (const [language, text, one, other] of samples) {
  test(`${language} is recognised, and ${one} is another form of ${other}`, async () => {
    const { ofText } = await loadLanguages()
    const stemmer = ofText(text)
    assert.equal(stemmer?.language, language)
    assert.equal(stemmer.stem(foldText(one)), stemmer.stem(foldText(other)))
  })
}

test('common words tell the language of a letter, and nothing where they are too few', () => {
  assert.equal(languageByWords('We will not be there on Friday, and have no plans for you.'), 'en')
  assert.equal(
    languageByWords('Ich bin am Freitag nicht da, und auch die Kollegen sind nicht im Haus.'),
    'de',
  )
  assert.equal(languageByWords('invoice 4711'), undefined)
  assert.equal(languageByWords('og det har kan på'), undefined)
  assert.equal(languageByWords(''), undefined)
})

test('in Russian ё is written as е or not', async () => {
  const { stemmers } = await loadLanguages()
  const { stem } = stemmers.find(({ language }) => language === 'ru')!
  assert.equal(stem(foldText('источённый')), stem(foldText('источенный')))
})

test('there are rules for at least 18 languages', async () => {
  const { stemmers } = await loadLanguages()
  assert.ok(stemmers.length >= 18)
  assert.equal(new Set(stemmers.map(({ language }) => language)).size, stemmers.length)
})

test('any text is judged and any word has a stem', async () => {
  const { stemmers, ofText } = await loadLanguages()
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      ofText(text)
      for (const { stem } of stemmers) assert.ok(stem(foldText(text) || 'A') !== '')
    }),
    { numRuns: 300 },
  )
})
