/**
 * Finding out a text's language by its commonest words, which takes microseconds and is right for most letters. It
 * says nothing where they are too few or speak for several languages: then a library looks closer.
 */
import { foldText } from '#message/fold-text.ts'
import { eachWord } from './words.ts'

/** Words that are frequent in one language, and rare or nothing in the others. */
const common: Readonly<Record<string, string>> = {
  ca: 'amb els les per què és són dels aquest aquesta però molt fins també seva',
  cs: 'je se na že jsem bylo pro jako jsou ale který nebo také když prosím',
  da: 'og det af er ikke jeg til har på vi kan eller fra dig efter blev',
  de: 'der die das und ist nicht ich mit für auf eine sie wir von wird auch bei',
  en: 'the and of is you that for with this are have not be we will your from',
  es: 'el los las que es para una con por está del pero más como este su',
  fi: 'on ja ei se että olen oli mutta kun tai myös jos minä niin hän joka',
  fr: 'le les des est pas vous je pour une dans que avec sur nous mais ce au',
  hu: 'az és hogy nem egy van meg ez csak mert már vagy kell még volt ki',
  it: 'il di che non è sono per una con del della gli anche più questo ma',
  nl: 'het een en van ik niet dat zijn voor met op wij maar aan ook bij naar',
  no: 'og det ikke jeg til har på vi kan eller fra deg etter ble som av noen',
  pt: 'os não uma para com por mais como mas foi são você está isso pelo muito',
  ro: 'și nu este că pentru mai cu din sunt sau dar acest fost care prin avea',
  ru: 'и не что на это с как вы мы по но для из от было если только',
  sv: 'och det att är inte jag som för av har till vi men den på från eller',
  tr: 've bir bu için değil ne ile olarak daha çok ama var gibi kadar olan sonra',
}

const least = 3

const speaksFor: ReadonlyMap<string, readonly string[]> = (() => {
  const languages = new Map<string, string[]>()
  for (const [language, words] of Object.entries(common)) {
    for (const word of foldText(words).split(' ')) {
      const known = languages.get(word)
      if (known === undefined) languages.set(word, [language])
      else known.push(language)
    }
  }
  return languages
})()

/** By its code in ISO 639-1: the one that twice as many of the text's words speak for as for any other. */
export function languageByWords(text: string): string | undefined {
  const votes = new Map<string, number>()
  eachWord(text, (word) => {
    for (const language of speaksFor.get(word) ?? []) votes.set(language, (votes.get(language) ?? 0) + 1)
  })
  let best: string | undefined
  let most = least - 1
  let second = 0
  for (const [language, count] of votes) {
    if (count > most) {
      second = Math.max(second, best === undefined ? 0 : most)
      best = language
      most = count
    } else second = Math.max(second, count)
  }
  return second * 2 <= most ? best : undefined
}
