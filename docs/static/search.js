/* How search results are ordered: Sphinx's own scores, and first the pages whose title has every word asked for. */
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score: ([page, title, anchor, description, score]) => {
    const words = (text) => text.toLowerCase().match(/[a-z0-9-]+/g) ?? [];
    const asked = words(new URLSearchParams(window.location.search).get("q") ?? "");
    const named = words(title.split(" > ")[0]);
    const whole = asked.length > 1 && !anchor && asked.every((word) => named.includes(word));
    return whole ? 1000 + score - named.length : score;
  },
};
