"""Built pages, taken apart and made harmless."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import LimitExceededError
from workers.techdocs.page_reading import PageReader
from workers.techdocs.pages import page_of
from workers.techdocs.sanitising import MOST_CHARACTERS, sanitised

THEME = """<!doctype html><html><head><title>Start - Shop</title><script src="x.js"></script></head><body>
<nav class="md-nav md-nav--primary"><ul>
 <li class="md-nav__item"><a href="." class="md-nav__link"><span> Home </span></a></li>
 <li class="md-nav__item md-nav__item--nested"><input type="checkbox" id="__nav_2"><label class="md-nav__link" for="__nav_2">Guide</label>
  <nav class="md-nav"><label class="md-nav__title">Guide</label><ul>
   <li class="md-nav__item md-nav__item--active"><label class="md-nav__link">Start</label><a href="./" class="md-nav__link">Start</a>
    <nav class="md-nav md-nav--secondary"><ul><li class="md-nav__item"><a href="#one" class="md-nav__link">One</a></li></ul></nav></li>
  </ul></nav></li>
</ul></nav>
<nav class="md-nav md-nav--secondary"><ul><li class="md-nav__item"><a href="#one" class="md-nav__link">One</a></li></ul></nav>
<article class="md-content__inner md-typeset"><a href="https://git.example/edit/start.md" class="md-content__button"><svg></svg></a>
<h1 id="start">Start <em>here</em><a class="headerlink" href="#start">&para;</a></h1>CONTENT</article>
<footer>F</footer>
</body></html>"""


HARMFUL = {
    *(
        "script",
        "iframe",
        "object",
        "embed",
        "applet",
        "form",
        "button",
        "meta",
        "base",
        "link",
        "style",
        "template",
        "textarea",
        "noscript",
    ),
    *("math", "foreignobject", "animate", "set", "use"),
}


class Seen(HTMLParser):
    """What there is in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str | None] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.addresses.update(value for name, value in attrs if name in {"href", "src", "action", "data", "xlink:href"})


def article(html: str) -> str:
    return page_of(THEME.replace("CONTENT", html)).article


def test_a_page_is_its_article_its_contents_and_the_navigation_of_its_site():
    page = page_of(THEME.replace("CONTENT", "<p>text</p>"))
    assert (page.title, page.edit_url, page.redirect) == ("Start here", "https://git.example/edit/start.md", None)
    assert page.article == (
        '\n<h1 id="start">Start <em>here</em><a class="headerlink" href="#start" rel="noopener noreferrer">¶</a></h1><p>text</p>'
    )
    (one,) = page.contents
    assert (one.title, one.href) == ("One", "#one")
    home, guide = page.navigation
    assert (home.title, home.href, home.active, home.below) == ("Home", ".", False, [])
    assert (guide.title, guide.href, guide.active) == ("Guide", None, False)
    assert [(entry.title, entry.href, entry.active, entry.below) for entry in guide.below] == [("Start", "./", True, [])]


def test_other_html_is_an_article_as_a_whole():
    page = page_of("<title>Plain &amp; simple</title><p onclick=x()>text</p>")
    assert (page.title, page.article, page.navigation) == ("Plain & simple", "<p>text</p>", [])


@pytest.mark.parametrize("target", ["../guide/start/", "https://example.com/x?a=1", "#x"])
def test_a_page_that_moved_says_where_to(target: str):
    html = f'<!doctype html><head><meta http-equiv="refresh" content="0; url={target}"></head>'
    assert page_of(html).redirect == target


@pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "//evil.example", " javascript:x", "&#106;avascript:x"])
def test_no_redirect_leads_to_code_or_to_an_address_in_disguise(target: str):
    assert page_of(f'<meta http-equiv="refresh" content="0; url={target}">').redirect is None


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='JaVaScRiPt:alert(1)'>x</a>",
        "<a href='java\tscript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<a href='vbscript:x'>x</a>",
        "<img src='data:text/html,alert(1)'>",
        "<iframe src='https://evil.example'></iframe><iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data='x.swf'></object><embed src='x.swf'><applet code='x'></applet>",
        "<form action='https://evil.example'><button formaction='javascript:alert(1)'>x</button></form>",
        "<meta http-equiv=refresh content='0;url=javascript:alert(1)'><base href='https://evil.example'><link rel=stylesheet href=x.css>",
        "<style>@import 'https://evil.example';</style><p style='background:url(javascript:alert(1))'>x</p>",
        "<svg onload=alert(1)><script>alert(1)</script><animate onbegin=alert(1) attributeName=href values='javascript:alert(1)'/></svg>",
        "<svg><foreignObject><iframe src='javascript:alert(1)'></iframe></foreignObject><use href='data:image/svg+xml,x'/></svg>",
        "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a><set attributeName=href to='javascript:alert(1)'/></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<template><img src=x onerror=alert(1)></template><textarea></textarea><img src=x onerror=alert(1)>",
        "</article><script>alert(1)</script><article class='md-content__inner'><img onerror=alert(1) src=x>",
        "<p title='<article class=\"md-content__inner\"><img src=x onerror=alert(1)>'>x</p>",
        "<details ontoggle=alert(1) open>x</details><video onloadstart=alert(1) src=x></video>",
        "<a href='https://x.example' target='_top' ping='https://evil.example'>x</a>",
    ],
)
def test_nothing_runs_loads_or_leads_away(html: str):
    seen = Seen()
    seen.feed(article(html))
    assert seen.tags & HARMFUL == set()
    assert {name for name in seen.attributes if name.startswith("on")} | (seen.attributes & {"style", "target", "ping", "srcdoc"}) == set()
    assert seen.addresses - {"#start", "https://x.example", "x"} == set()


def test_what_pages_are_made_of_stays():
    html = (
        '<div class="admonition note"><p class="admonition-title">Note</p></div>'
        '<details class="note" open=""><summary>More</summary></details>'
        '<div class="tabbed-set" data-md-x="1"><input checked="" id="t1" name="t" type="radio"><label for="t1">A</label></div>'
        '<table><tbody><tr><td style="text-align:right">1</td></tr></tbody></table>'
        '<pre class="mermaid"><code>graph TD</code></pre>'
        '<img alt="x" src="../img/x.png"><img src="data:image/png;base64,AAAA">'
        '<svg viewBox="0 0 1 1"><path d="M0 0"></path></svg><kbd>x</kbd><mark>y</mark>'
    )
    assert sanitised(html) == html


@given(st.text(max_size=300))
def test_what_is_harmless_stays_as_it_is(html: str):
    once = sanitised(html)
    assert sanitised(once) == once
    assert "<script" not in once.lower()


def test_a_page_that_is_too_long_is_refused():
    with pytest.raises(LimitExceededError, match="4,000,000 characters"):
        sanitised("x" * (MOST_CHARACTERS + 1))


async def test_pages_are_read_in_a_process_that_outlives_the_hostile_ones():
    reader = PageReader()
    try:
        expected = page_of(THEME)
        assert await reader.page(THEME.encode()) == expected
        with pytest.raises(LimitExceededError, match="within a few seconds"):
            await reader.page(b"<div>" * 700_000)
        with pytest.raises(LimitExceededError, match="4,000,000 characters"):
            await reader.page(b"x" * (MOST_CHARACTERS + 1))
        with pytest.raises(LimitExceededError, match="8,388,608 bytes"):
            await reader.page(b"x" * 8_388_609)
        assert await reader.page(THEME.encode()) == expected
    finally:
        await reader.close()
