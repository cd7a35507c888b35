"""Languages of fenced blocks that servers or programs draw, and how such a block stands in a page while it is code."""

PLANTUML = "PlantUML"

DRAWN_BY = {
    "plantuml": PLANTUML, "puml": PLANTUML, "uml": PLANTUML, "c4plantuml": PLANTUML, "graphviz": "Graphviz", "dot": "Graphviz",
    **{f"kroki-{name}": "Kroki" for name in (
        "actdiag", "blockdiag", "bpmn", "bytefield", "c4plantuml", "d2", "dbml", "ditaa", "erd", "excalidraw", "graphviz", "mermaid",
        "nomnoml", "nwdiag", "packetdiag", "pikchr", "plantuml", "rackdiag", "seqdiag", "structurizr", "svgbob", "symbolator", "umlet",
        "vega", "vegalite", "wavedrom", "wireviz",
    )},
}  # fmt: skip
"""By the word behind the fence: what draws it."""


def note(reason: str) -> str:
    """What stands above the code."""
    return f"This diagram is shown as its source: {reason}."


def block(note: str, language: str, code: str) -> str:
    """The HTML of a diagram that is shown as its source; all parts are HTML already."""
    shown = f'<p class="diagram-note">{note}</p><pre class="diagram-source language-{language}"><code>{code}</code></pre>'
    return f'<div class="diagram">{shown}</div>'
