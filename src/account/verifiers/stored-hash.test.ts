/** Every form against hashes that libxcrypt and passlib made, and against those of the specifications. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault, SyntaxFault } from '#base/fault.ts'
import { argon2Hash, isCurrentArgon2 } from './argon2.ts'
import { bcryptHash, isCurrentBcrypt } from './bcrypt.ts'
import { isCurrentPbkdf2, pbkdf2Hash } from './pbkdf2.ts'
import { isCurrentScrypt, scryptHash } from './scrypt.ts'
import { newScramKeys } from './scram-keys.ts'
import { assertKnownHash, isRightPassword, looksLikeHash, readHash } from './stored-hash.ts'

const short = 'secret'
const utf8 = 'pässwörd ☃'
const long = 'correct horse battery staple, and then some more than 72 bytes of it for bcrypt and BSDi'

// oxfmt-ignore
const made: readonly (readonly [string, string, string])[] = [
  ['MD5 crypt', short, '$1$saltsalt$9xy1btjgzLYfb7hivXtC//'],
  ['MD5 crypt', utf8, '$1$saltsalt$gr./yJS1GlbQSXLbU.PYb.'],
  ['MD5 crypt', long, '$1$saltsalt$OaWv2Jvn8zwzZiQyCUJQj.'],
  ['MD5 crypt, short salt', short, '$1$ab$dslkcXxVH.x8LwW1W/oAB/'],
  ['MD5 crypt, short salt', utf8, '$1$ab$0X/E6TKXdATiT6zFlxJEL/'],
  ['MD5 crypt, short salt', long, '$1$ab$d.OYkPSwK.x4qqLatV.zW.'],
  ['SHA-256 crypt', short, '$5$saltstring$C3o4O1TC6aRHF4FI.QSZMXtHbaj2gSXr4sUc/3NcUi.'],
  ['SHA-256 crypt', utf8, '$5$saltstring$iv0dDoBbgQQDg6UfBY39HrN7c8Hr8gmby2YH.bcYOz7'],
  ['SHA-256 crypt', long, '$5$saltstring$Xp0iRTLSCKmbkgwdOaL5NgX.Y7klmW5aRyRXrUTJAyC'],
  ['SHA-512 crypt', short, '$6$0123456789abcdef$8CGkKDSyVpVlVNcs5PssRw/Tb8EgfecuA6D/zsRQFumJaU.s8KgTWWc2HfgkB7h2n1qIKiJFeSyUFrwvhILXy.'],
  ['SHA-512 crypt', utf8, '$6$0123456789abcdef$4wBquCFdcKh71O8oyHlAI1B/kJHYA.GnDivbB1.uFHv.8LY3J2Uhr0leXUJ8cjiKWnEqHBQ/i7ZaMYnbnIV7m1'],
  ['SHA-512 crypt', long, '$6$0123456789abcdef$Wg3CM2E35GRiis/Kk9vNaPFBEn8SstUQeAAxwudUbuEdSslmLRqZNAxYAwVjDAlLjvCrfPDrPWT7LzriCmc7r/'],
  ['SHA-512 crypt with rounds', short, '$6$rounds=1234$abc$O3ZOa0XiEWN0HewyM3s5mh16Zs29hmX3DWLNjonHRN//nTlr0lwJJMRhAJl66.NpDwazhmHN3f756IRDgrSzs.'],
  ['SHA-512 crypt with rounds', utf8, '$6$rounds=1234$abc$qdb0O9tGfu7Y6Gnfz45NdSXQWiTgkFVKQOF0z.uFytwPMkMNgLXpGXYs.Apyrdk5PNtJ.JJncGIFyP/qq5irR/'],
  ['SHA-512 crypt with rounds', long, '$6$rounds=1234$abc$Jnwu6l.gIf67FQhR7XOp7NYKKjkllyFiuz6a2T4kTlNo3rZroJqWEjHxfBQFWdGAMkZ6HoAiUd4AM51ve1CeL0'],
  ['SHA-256 crypt with rounds', short, '$5$rounds=10000$xyz$LOAbf1LqiQ93uKwn4016VCJWX54xvmn9s3RDInxh26D'],
  ['SHA-256 crypt with rounds', utf8, '$5$rounds=10000$xyz$v1WsTYH27WkabqPi00ClqrrFZ5mxPmyzgfBifxaxSb1'],
  ['SHA-256 crypt with rounds', long, '$5$rounds=10000$xyz$ESpsgvh.nt1UwLaNWkVnFe9s1nmbUuSZmzYHM.cP2n/'],
  ['SHA-1 crypt', short, '$sha1$64$saltsalt$Y5B/Hi8dwvCNwvJO./02XcLc2gB3'],
  ['SHA-1 crypt', utf8, '$sha1$64$saltsalt$pzpIOBfF2jODelwBdpH0dqDjHdWz'],
  ['SHA-1 crypt', long, '$sha1$64$saltsalt$wdLBRTFgaDjlTILyFVCyXuRnpELZ'],
  ['BSDi crypt', short, '_J9..rasmz0.F/jqjWck'],
  ['BSDi crypt', utf8, '_J9..rasm65U4l8mP.So'],
  ['BSDi crypt', long, '_J9..rasmYwJrGXcqQes'],
  ['BSDi crypt, many bits', short, '_zz..zzzzHXFk6NGhFV.'],
  ['BSDi crypt, many bits', utf8, '_zz..zzzzGPxop8ojYVQ'],
  ['BSDi crypt, many bits', long, '_zz..zzzzYIEm9cWaFW.'],
  ['DES crypt', short, '{CRYPT}zKxAotGmchMdQ'],
  ['DES crypt', short, '{CRYPT}./17m29LFAflg'],
  ['DES crypt', utf8, '{CRYPT}zKgo5fIVEZmKI'],
  ['DES crypt', utf8, '{CRYPT}./vYBXr45rAoM'],
  ['DES crypt', long, '{CRYPT}zK7RrUMc34VMY'],
  ['DES crypt', long, '{CRYPT}./DA5yokVJ1R2'],
  ['bcrypt 2b', short, '$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'],
  ['bcrypt 2b', utf8, '$2b$04$abcdefghijklmnopqrstuu4SmA3hVMbWKmJVGcHRDZ6Y7bUU/SMZe'],
  ['bcrypt 2b', long, '$2b$04$abcdefghijklmnopqrstuuM4dr3UXfRBiBWuQfSdL/yy2JgYXLQ26'],
  ['bcrypt 2a', short, '$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'],
  ['bcrypt 2a', utf8, '$2a$05$abcdefghijklmnopqrstuuHAV94Mj58aB25TMAjGh195IxPdIcE2O'],
  ['bcrypt 2a', long, '$2a$05$abcdefghijklmnopqrstuu1wO/g22PO/3/byOtd3jxJWWgVDc3NUO'],
  ['bcrypt 2y', short, '$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'],
  ['bcrypt 2y', utf8, '$2y$04$abcdefghijklmnopqrstuu4SmA3hVMbWKmJVGcHRDZ6Y7bUU/SMZe'],
  ['bcrypt 2y', long, '$2y$04$abcdefghijklmnopqrstuuM4dr3UXfRBiBWuQfSdL/yy2JgYXLQ26'],
  ['bcrypt 2x', short, '$2x$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'],
  ['scrypt', short, '$scrypt$ln=4,r=8,p=1$ylkr5dx7T2mNsTbGuPeeMw$QLAEZ+mm5UeIYpfYF2JG10GLpLrBCuCFHmvLZ4WLpxk'],
  ['pbkdf2-sha1', short, '$pbkdf2$50$nLO2ds75fy8FgPAeg7BWag$W0tKYetyMk8pmU2QPlocQF3g/qE'],
  ['pbkdf2-sha256', short, '$pbkdf2-sha256$50$AmDMudd6jxECwNibs7ZWqg$e4uA8Yg5fHP5HF8XFgSWZ/cw6SzYXaPwcuH0Y7CypJ8'],
  ['pbkdf2-sha512', short, '$pbkdf2-sha512$50$DEFoTQmhNMY4JwQAIETonQ$/YNrV1Cu6.CnU1AaFYiovcJOecmBMCQL.tz7w1B/fX6pr/YP3PczaiyG9r5t/xX8tWocieEZFEh01bPzuqHrjA'],
  ['{SHA}', short, '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
  ['{SSHA}', short, '{SSHA}dFaIZ4u+DZtrHc8/9tt/m+jOEZU7BwBA'],
  ['{MD5}', short, '{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ=='],
  ['{SMD5}', short, '{SMD5}VweKGx+lqxn1B+2osDTuMDeGcE4='],
  ['{SSHA256}', short, '{SSHA256}cn+ZhJMLMze0Ovt8F+Yy3jlO/QgFElHOK52OX8YpulHtnROCcI6xdg=='],
  ['{SSHA512}', short, '{SSHA512}ZsGNhJbkp2YUZYEIwsAkD+AJtQVmEEmkdQwJPGBR/87amAqjb1WpH1ixpOhxJA/VWgey7RPJFkLyy4Vt740BKqoVIkRobS1F'],
  ['scrypt', utf8, '$scrypt$ln=4,r=8,p=1$9l4rZWwt5RzjXKv1/j+ndA$HCVxwtex/NAW9O+6DiLrzfMUPm1gTqQVUCw1gSkBFfw'],
  ['pbkdf2-sha1', utf8, '$pbkdf2$50$xJgTYizlnDOGcM5Zay3l/A$KeI6vxqA0ux4MHwUljp6bcHHMLU'],
  ['pbkdf2-sha256', utf8, '$pbkdf2-sha256$50$DyHEOAegtLb2XqtVqvUeow$bm2YjDIyfMHV234CO1os3X235DaMIO8940xWpjNIQSo'],
  ['pbkdf2-sha512', utf8, '$pbkdf2-sha512$50$8f5f633PmRPifM.Zs7Y2Jg$4uR2d.w4plGGaprB.CpKM.qPEEIIKQ9CSx4GJ6on4k09FCExxltX4Ug18.PcUr7XgNB21OK.vPk9VPxYsmyMsw'],
  ['{SHA}', utf8, '{SHA}re6L5VY4rugCnM1UaRmskpVI8UY='],
  ['{SSHA}', utf8, '{SSHA}3xrYHfGz7HKKrZBiYiWntqLenqtrTem9'],
  ['{MD5}', utf8, '{MD5}4m6mg+Qt4Xd/2nlD36ix/Q=='],
  ['{SMD5}', utf8, '{SMD5}DHBs4gOUZ+J20dXEXDiiub53bs0='],
  ['{SSHA256}', utf8, '{SSHA256}YUqf7BkhYGnDfYU+j3h/1p4J0F/yyusvFOM/4tSJvMTXmlPqnbNW6g=='],
  ['{SSHA512}', utf8, '{SSHA512}8efoRsdY3xS7An5oSozHUOBIzIDo1Pdkmp8Xr7n/02caZc7lH1Z8P4r21akko3ErBUV3vSWlP53/xiMymMX+7+jd25vTWusd'],
  ['scrypt', long, '$scrypt$ln=4,r=8,p=1$x5gTAoCQUgphrHVurXXu/Q$Mi6e8PhUU5lMp3vLizsMXi+/VH2iVBsyQt57NEKUo7Q'],
  ['pbkdf2-sha1', long, '$pbkdf2$50$TokRotS6l/Ieg1CKMYYQQg$XibLap6mbBgYuisA8HPYRhJE7FA'],
  ['pbkdf2-sha256', long, '$pbkdf2-sha256$50$7R2j1Pq/1/rfGyMEoHSO0Q$paJ6TsrK7S.5DUC.JhxGlZz59vnTbuohq5z0pH/cwUk'],
  ['pbkdf2-sha512', long, '$pbkdf2-sha512$50$XatV6v1/770XgpCSUurdew$ulRKc3guLJl.wIFq/qNzY0UXSxfesczzurPfO4j0U/NYQrFqFXTx4DIjqL98nPftxZnkM5CNp9ouI08uJXAxlA'],
  ['{SHA}', long, '{SHA}EyaZQZs6cjxyRc9TD4ApnP550xM='],
  ['{SSHA}', long, '{SSHA}V95vfRYADt0Ku+gs8ASZ+0IEj2//HwMA'],
  ['{MD5}', long, '{MD5}R0zy/ND4IjZyG3bABscdgg=='],
  ['{SMD5}', long, '{SMD5}YUcv/8l33FZLIkTQiX3Tf/a+l3I='],
  ['{SSHA256}', long, '{SSHA256}OlpT1XowcVbRyXYTUV38Pr8m/t/2ydOz/R6qJ/1ConcSonTOmdOaMw=='],
  ['{SSHA512}', long, '{SSHA512}l2Fi0aeUz7pUzU1FHfYi3lg55177BHOJ7UU0T+W8WDLgqlKWl0r4w+PdcpYpEMjLk2U/Al0jBpiI5tsHye2uf7rXOgdgDOF8'],
]

// oxfmt-ignore
const published: readonly (readonly [string, string, string])[] = [
  ['SHA-crypt.txt, SHA-256', 'Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['SHA-crypt.txt, SHA-256 with rounds', 'Hello world!', '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
  ['SHA-crypt.txt, SHA-512', 'Hello world!', '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1'],
  ['argon2 command, 2i', 'password', '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA'],
  ['argon2 command, 2id', 'password', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'],
  ['gsasl --mkpasswd', 'pencil', '{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='],
  ['RFC 7677 §3', 'pencil', 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='],
  ['argon2 command, 2d', 'password', '$argon2d$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$lV5dWxY6G2C7o1/DbQSWR0+6T2tZrVNihmbwf7L5Pq8'],
  ['argon2-cffi, another cost', 'secret', '$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$ONk+tSBCIrd0bSXvlELEQA'],
  ['hashlib, scrypt', 'password', '$scrypt$ln=10,r=8,p=2$c2FsdHNhbHRzYWx0c2FsdA$JLVLEBqEczXzB57zQqjaD5UnF+KXbq/OWUpgSiMAKos'],
]

for (const [form, password, text] of [...made, ...published]) {
  test(`${form}: ${password.slice(0, 12)}`, () => {
    assert.ok(looksLikeHash(text) || text.startsWith('_'))
    assert.equal(isRightPassword(text, password), true)
    assert.equal(isRightPassword(text, `${password.slice(1)}x`), false)
    assertKnownHash(text)
  })
}

test('names in braces before hashes that need none', () => {
  const md5 = '$1$ab$dslkcXxVH.x8LwW1W/oAB/'
  for (const name of ['CRYPT', 'MD5-CRYPT', 'md5-crypt', 'crypt'])
    assert.equal(readHash(`{${name}}${md5}`) === undefined, false, name)
  assert.ok(isRightPassword('{ARGON2ID}' + argon2Hash(Buffer.from('secret')), 'secret'))
  // Only once, and not before what is no crypt.
  assert.equal(readHash(`{CRYPT}{CRYPT}${md5}`), undefined)
  assert.equal(readHash('{CRYPT}{PLAIN}secret'), undefined)
})

test('digests are read in hex too', () => {
  assert.ok(isRightPassword('{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69'.replace('PLAIN-', ''), 'secret'))
  assert.ok(isRightPassword('{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4', 'secret'))
  assert.ok(
    isRightPassword('{sha-256}2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b', 'secret'),
  )
})

test('a password in clear', () => {
  for (const name of ['PLAIN', 'CLEAR', 'cleartext']) {
    assert.ok(isRightPassword(`{${name}}secret`, 'secret'))
    assert.ok(!isRightPassword(`{${name}}secret`, 'secre'))
  }
})

test('what is made here is read here', () => {
  const password = Buffer.from(utf8)
  for (const [make, isCurrent] of [
    [argon2Hash, isCurrentArgon2],
    [bcryptHash, isCurrentBcrypt],
    [scryptHash, isCurrentScrypt],
    [pbkdf2Hash, isCurrentPbkdf2],
  ] as const) {
    const text = make(password)
    assert.ok(isCurrent(text) && isRightPassword(text, utf8), text)
  }
  const keys = newScramKeys(password)
  assert.match(keys, /^SCRAM-SHA-256\$600000:/)
  assert.ok(isRightPassword(keys, utf8))
})

const a = (count: number): string => 'A'.repeat(count)
const refused: readonly (readonly [string, string, RegExp])[] = [
  [
    'argon2 with 2 GiB',
    `$argon2id$v=19$m=2097152,t=1,p=4$${a(22)}$${a(43)}`,
    /memory in KiB must be between/,
  ],
  ['argon2 with many passes', `$argon2id$v=19$m=65536,t=1000,p=4$${a(22)}$${a(43)}`, /too much/],
  ['argon2 with many lanes', `$argon2id$v=19$m=65536,t=1,p=4000$${a(22)}$${a(43)}`, /lanes/],
  ['argon2 without memory', `$argon2id$v=19$t=1,p=4$${a(22)}$${a(43)}`, /not a whole hash/],
  ['argon2 cut off', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ', /not a whole hash/],
  ['argon2 with a short salt', `$argon2id$v=19$m=64,t=1,p=1$AAAA$${a(43)}`, /not a whole hash/],
  ['bcrypt with cost 31', `$2b$31$${a(53)}`, /between 4 and 14/],
  ['bcrypt cut off', `$2b$10$${a(52)}`, /not a whole hash/],
  ['scrypt with 4 GiB', `$scrypt$ln=20,r=32,p=1$${a(22)}$${a(43)}`, /too much/],
  ['scrypt with many lanes', `$scrypt$ln=14,r=8,p=1000000$${a(22)}$${a(43)}`, /too much/],
  ['scrypt with large numbers', `$scrypt$ln=99,r=8,p=1$${a(22)}$${a(43)}`, /ln of scrypt/],
  ['PBKDF2 with a billion', `$pbkdf2-sha256$i=1000000000$${a(22)}$${a(43)}`, /iterations/],
  ['PBKDF2 with nothing', `$pbkdf2-sha256$i=0$${a(22)}$${a(43)}`, /iterations/],
  ['PBKDF2 of a wrong length', `$pbkdf2-sha256$i=10,l=20$${a(22)}$${a(43)}`, /not a whole hash/],
  ['SHA-512 crypt with all rounds', `$6$rounds=999999999$salt$${a(86)}`, /rounds/],
  ['SHA-512 crypt of a wrong length', `$6$salt$${a(43)}`, /not a whole hash/],
  ['SHA-1 crypt with many rounds', `$sha1$4000000000$salt$${a(28)}`, /rounds/],
  ['MD5 crypt cut off', `$1$salt$${a(21)}`, /not a whole hash/],
  ['BSDi crypt with all rounds', `_zzzz..zz${a(11)}`, /rounds/],
  ['BSDi crypt without rounds', `_......zz${a(11)}`, /rounds/],
  ['SCRAM with few iterations', `SCRAM-SHA-256$100:AAAA$${a(43)}=:${a(43)}=`, /iterations/],
  ['SCRAM cut off', `SCRAM-SHA-256$4096:AAAA$${a(43)}=`, /not a whole hash/],
  ['SHA of a wrong length', '{SHA}c2VjcmV0', /not a whole hash/],
  ['SSHA without a salt', '{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', /not a whole hash/],
  ['empty {PLAIN}', '{PLAIN}', /not a whole hash/],
  ['yescrypt', '$y$j9T$abc$def', /known forms: argon2 .*"\{PLAIN\}"/],
  ['an unknown name', '{ROT13}frperg', /known forms/],
  ['a password', 'secret', /known forms/],
  ['nothing', '', /known forms/],
  ['too long', `{PLAIN}${a(2000)}`, /known forms/],
]
for (const [what, text, why] of refused) {
  test(`refused where it is written: ${what}`, () => {
    assert.throws(
      () => assertKnownHash(text),
      (error) => {
        assert.ok(isFault(error, 'invalid'))
        assert.match(error.publicText, why)
        assert.ok(text.length < 9 || !error.publicText.includes(text))
        return true
      },
    )
    assert.equal(isRightPassword(text, 'secret'), false)
  })
}

test('any text is read, is no hash, or is a SyntaxFault', () => {
  const start = fc.constantFrom(
    '$argon2id$',
    '$2b$',
    '$scrypt$',
    '$pbkdf2',
    '$5$',
    '$6$',
    '$1$',
    '$sha1$',
    '_',
    '{SSHA}',
    '{CRYPT}',
    'SCRAM-SHA-256$',
  )
  const text = fc.oneof(
    fc.string(),
    fc.tuple(start, fc.stringMatching(/^[a-z0-9$=,./+:]{0,60}$/)).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (given) => {
      try {
        readHash(given)
      } catch (error) {
        assert.ok(error instanceof SyntaxFault)
      }
    }),
  )
})
