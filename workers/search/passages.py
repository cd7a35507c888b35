"""The passages of a result's texts that show why it was found, as the interfaces have them."""

from collections.abc import Mapping, Sequence

from plugins.contract import TextField
from workers.search.finding import Part, Snippet
from workers.search.snippets import Highlighter

_LEFT_OUT = Part("…", is_match=False)


def snippets_of(texts: Mapping[TextField, str], highlighter: Highlighter) -> Sequence[Snippet]:
    """A snippet of each field in which something of what was looked for stands, in the order of the fields."""
    found = highlighter.snippets(texts)
    return [
        Snippet(
            name,
            [
                *([_LEFT_OUT] if found[name].is_cut_before else []),
                *found[name].parts,
                *([_LEFT_OUT] if found[name].is_cut_after else []),
            ],
        )
        for name in TextField
        if name in found
    ]
