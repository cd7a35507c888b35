// Draws the page's Mermaid diagrams, each in a frame that has no origin and no network: what is drawn there reaches nothing of the page.
// The frames get Mermaid from here, because what a frame without an origin loads is kept for no other one.
const folder = new URL(".", import.meta.url);
const waiting = new Map();
let library;

function mermaid() {
  library ??= fetch(new URL("mermaid.min.js", folder)).then((answer) => {
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.text();
  });
  return library;
}

function note(source, text) {
  const line = document.createElement("p");
  line.className = "diagram-note";
  line.textContent = text;
  source.before(line);
}

function draw(source) {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.title = "Diagram";
  frame.className = "diagram";
  frame.loading = "lazy";
  frame.src = new URL("diagram.html", folder);
  source.after(frame);
  waiting.set(frame, source);
}

async function send(frame, source) {
  try {
    const code = await mermaid();
    frame.contentWindow?.postMessage({ mermaid: code, source: source.textContent }, "*");
  } catch {
    fail(frame, source, "This diagram is shown as its source: Mermaid is not at hand here.");
  }
}

function fail(frame, source, text) {
  waiting.delete(frame);
  frame.remove();
  note(source, text);
}

addEventListener("message", ({ source: sender, data }) => {
  for (const [frame, source] of waiting) {
    if (frame.contentWindow !== sender || typeof data !== "object" || data === null) continue;
    if (data.ready === true) send(frame, source);
    else if (Number.isFinite(data.height)) {
      source.hidden = true;
      frame.style.height = `${Math.min(Math.max(data.height, 1), 20_000)}px`;
    } else if (typeof data.failure === "string") {
      fail(frame, source, `This diagram is shown as its source: Mermaid can't draw it. ${data.failure.slice(0, 500)}`);
    }
    return;
  }
});

document.querySelectorAll("article pre.mermaid, article div.mermaid").forEach(draw);
