/** The styles of the home page: light and dark by the reader's choice, readable at any width and zoom. */

export const homePageStyle = `:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f5f1, #14181a);
  --sheet: light-dark(#ffffff, #1d2326);
  --ink: light-dark(#1c2427, #e8ebe9);
  --soft: light-dark(#52605f, #a3b0ad);
  --line: light-dark(#dedcd3, #323b3e);
  --accent: light-dark(#2f6f5e, #6cc0a6);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto;
  padding: clamp(1.5rem, 5vw, 4rem) clamp(1rem, 4vw, 2rem);
  max-width: 46rem;
  background: var(--ground);
  color: var(--ink);
  font: 1rem/1.6 system-ui, sans-serif;
}
.brand { display: flex; align-items: center; gap: .6rem; margin: 0; color: var(--soft); font-weight: 600; }
h1 { margin: 1.2rem 0 .3rem; font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 .4rem; font-size: 1.2rem; }
p { margin: .4rem 0; }
.running { display: flex; align-items: center; gap: .6rem; margin: 0 0 2rem; }
.dot { width: .7rem; height: .7rem; border-radius: 50%; background: var(--accent); }
section {
  margin: 0 0 1.5rem;
  padding: clamp(1.1rem, 3vw, 1.8rem);
  border: 1px solid var(--line);
  border-radius: .8rem;
  background: var(--sheet);
}
.scroll { margin: 1rem 0; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem .8rem .5rem 0; border-top: 1px solid var(--line); text-align: start; white-space: nowrap; }
thead th { border-top: 0; color: var(--soft); font-size: .85rem; font-weight: 500; }
tbody th { font-weight: 600; white-space: normal; }
/* The second of a kind: its name is there for those who hear the table, not for those who see it. */
.again, .again ~ td { border-top-color: transparent; color: var(--soft); }
.again span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
dl { margin: 1rem 0 0; }
dl div { display: grid; grid-template-columns: 6rem 1fr; gap: 0 .8rem; }
dt { color: var(--soft); }
dd { margin: 0; }
.note { color: var(--soft); font-size: .92rem; }
code { font: .92em/1.6 ui-monospace, monospace; }
pre {
  margin: .8rem 0 0;
  padding: .9rem 1rem;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
  border-radius: .5rem;
  background: var(--ground);
}
/* On a telephone all columns are seen, where the name of the server is not long. */
@media (max-width: 30rem) {
  table { font-size: .85rem; }
  thead th { font-size: .78rem; }
  th, td { padding-inline-end: .55rem; }
  th:last-child, td:last-child { padding-inline-end: 0; }
}
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
footer { color: var(--soft); font-size: .9rem; }
`
