// Runs in a frame without origin: draws the one diagram that the page sends, and says how high it became.
const place = document.getElementById("diagram");

function loaded(code) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    script.onload = resolve;
    script.onerror = () => reject(new Error("Mermaid does not start."));
    document.head.append(script);
  });
}

async function draw({ mermaid: code, source }) {
  await loaded(code);
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const settings = { startOnLoad: false, securityLevel: "strict", suppressErrorRendering: true, fontFamily: "system-ui, sans-serif" };
  mermaid.initialize({ ...settings, theme: isDark ? "dark" : "default" });
  place.innerHTML = (await mermaid.render("drawn", source)).svg;
  // There is nowhere to go from here: the frame may not open windows, nor leave its place.
  for (const link of place.querySelectorAll("a")) for (const name of ["href", "xlink:href", "target"]) link.removeAttribute(name);
  new ResizeObserver(() => parent.postMessage({ height: Math.ceil(place.getBoundingClientRect().height) }, "*")).observe(place);
}

addEventListener("message", ({ source: sender, data }) => {
  if (sender === parent) draw(data).catch((error) => parent.postMessage({ failure: String(error.message ?? error) }, "*"));
});
parent.postMessage({ ready: true }, "*");
