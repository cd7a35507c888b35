// Search while typing: the same results that the form leads to, shown in place. Without it the form does the same.
const field = document.querySelector("header.frame input");
const article = document.querySelector("article");
const before = article ? [...article.childNodes] : [];
let asked = 0;

async function search() {
  const turn = ++asked;
  const term = field.value.trim();
  if (term.length < 2) {
    article.replaceChildren(...before);
    return;
  }
  const address = new URL(field.form.action);
  address.searchParams.set("q", term);
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (turn !== asked || !answer.ok) return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("article");
  // Its links are relative to the address that was asked.
  for (const link of found.querySelectorAll("a[href]")) link.href = new URL(link.getAttribute("href"), address).href;
  article.replaceChildren(...found.childNodes);
}

let waiting;
if (field && article) {
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
}
