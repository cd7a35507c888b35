"""The pages of sign-in and sign-out: plain HTML from this server alone, which need no script."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from starlette.responses import HTMLResponse, Response

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #566172; --paper: #f4f5f7; --card: #fff; --line: #c9cfd8;
  --act: #0b57a4; --on: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebf0; --soft: #a9b3c1; --paper: #14181f; --card: #1e242d; --line: #465161; --act: #8cc1ff; --on: #0d1420 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25 }
p { margin: 0 0 1rem; overflow-wrap: anywhere }
.soft { color: var(--soft) }
ul { list-style: none; margin: 1.5rem 0 0; padding: 0; display: grid; gap: .75rem }
.act { display: block; width: 100%; padding: .75rem 1rem; border: 1px solid var(--act); border-radius: .5rem; background: none;
  color: var(--act); font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer }
.act:hover { background: var(--act); color: var(--on) }
.field { display: block; width: 100%; margin-top: .5rem; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--paper); color: var(--ink); font: inherit; text-transform: uppercase }
.act:focus-visible, .field:focus-visible, a:focus-visible { outline: 3px solid var(--act); outline-offset: 3px }
a { color: var(--act) }
code { font-size: .95em }
"""
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} - Callboard</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to sign in: what it is called, and where it begins."""

    text: str
    href: str


def sign_in_page(choices: Sequence[Choice], *, signed_in_as: str | None, sign_out: str) -> Response:
    """The page that lists the ways to sign in."""
    items = "".join(f'<li><a class="act" href="{escape(one.href)}">{escape(one.text)}</a></li>' for one in choices)
    already = ""
    if signed_in_as is not None:
        already = f'<p>You are signed in as <code>{escape(signed_in_as)}</code>. <a href="{escape(sign_out)}">Sign out</a></p>'
    body = f'<p class="soft">Callboard shows its catalog to people it knows.</p>{already}<ul>{items}</ul>'
    return _page(
        "Sign in", body if choices else "<p>Nobody can sign in here: the configuration names no provider under <code>auth</code>.</p>"
    )


def sign_out_page(signed_in_as: str | None, action: str, sign_in: str) -> Response:
    """The page that asks whether to sign out."""
    if signed_in_as is None:
        return signed_out_page(sign_in)
    body = (
        f"<p>You are signed in as <code>{escape(signed_in_as)}</code>.</p>"
        f'<form method="post" action="{escape(action)}"><button class="act" type="submit">Sign out</button></form>'
    )
    return _page("Sign out", body)


def signed_out_page(sign_in: str, farewell: tuple[str, str] | None = None) -> Response:
    """The page that says that nobody is signed in. `farewell` is a provider, by its title, and where to sign out there too."""
    more = ""
    if farewell is not None:
        title, href = farewell
        more = f'<p class="soft"><a href="{escape(href)}">Sign out of {escape(title)} too</a></p>'
    return _page("You are signed out", f'{more}<ul><li><a class="act" href="{escape(sign_in)}">Sign in</a></li></ul>')


def failure_page(message: str, status: int, sign_in: str) -> Response:
    """The page that says why somebody could not be signed in."""
    body = f'<p role="alert">{escape(message)}</p><ul><li><a class="act" href="{escape(sign_in)}">Back to sign-in</a></li></ul>'
    return _page("You could not be signed in", body, status)


def device_page(action: str, *, code: str = "", device: str = "", user: str = "", problem: str = "") -> Response:
    """The page on which the user of a device types its code, or with `device` decides whether to let it in."""
    told = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    if not device:
        body = (
            f'{told}<p class="soft">Type the code that <code>callboard login</code> shows.</p>'
            f'<form method="get" action="{escape(action)}"><p><label>Code <input class="field" name="user_code" required autofocus '
            f'autocomplete="off" autocapitalize="characters" spellcheck="false"></label></p>'
            f'<button class="act" type="submit">Continue</button></form>'
        )
        return _page("Let a device in", body, 404 if problem else 200)
    buttons = "".join(
        f'<li><button class="act" type="submit" name="decision" value="{value}">{text}</button></li>'
        for value, text in (("allow", "Let it in"), ("refuse", "Refuse"))
    )
    body = (
        f"<p><code>callboard login</code> on <strong>{escape(device)}</strong> asks to act as <code>{escape(user)}</code>.</p>"
        f"<p>Let it in only if you have started it yourself just now, and it shows the code <code>{escape(code)}</code>.</p>"
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="user_code" value="{escape(code)}">'
        f"<ul>{buttons}</ul></form>"
    )
    return _page("Let a device in?", body)


def device_done_page(device: str, *, allowed: bool) -> Response:
    """The page that says what was decided."""
    name = escape(device)
    said = f"{name} goes on by itself. You can close this page." if allowed else f"{name} was not let in."
    return _page("The device is let in" if allowed else "The device was refused", f"<p>{said}</p>")


def _page(title: str, body: str, status: int = 200) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(_PAGE.format(title=escape(title), style=_STYLE, body=body), status, headers)
