"""The page that ends a sign-in in a popup: it tells the portal that opened it who signed in, and closes itself.

The message is that of Backstage's `sendWebMessageResponse`, which its frontends listen for.
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import orjson
from starlette.responses import HTMLResponse, Response

OPENER_KEPT = {"Cross-Origin-Opener-Policy": "unsafe-none"}
"""Without it a browser may cut the popup off from the page that opened it."""

_SCRIPT = """
var origin = decodeURIComponent('%(origin)s');
var message = JSON.parse(decodeURIComponent('%(message)s'));
var portal = window.opener || window.parent;
if (portal && portal !== window) {
  portal.postMessage({ type: 'config_info', targetOrigin: origin }, '*');
  portal.postMessage(message, origin);
  setTimeout(function () { window.close(); }, 100);
}
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Callboard: sign-in</title></head>
<body><main><p>The sign-in has ended. You can close this window.</p></main><script>%s</script></body></html>
"""


def web_message(origin: str, content: Mapping[str, Any]) -> Response:
    """The page that posts the content, `response` or `error`, to a page of this origin and to no other."""
    message = orjson.dumps({"type": "authorization_response", **content}).decode()
    script = _SCRIPT % {"origin": quote(origin, safe=""), "message": quote(message, safe="")}
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    headers = {**OPENER_KEPT, "Cache-Control": "no-store", "Content-Security-Policy": policy}
    return HTMLResponse(_PAGE % script, headers=headers)
