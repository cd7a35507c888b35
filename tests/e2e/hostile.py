"""Requests that mean harm: what each sends, and how it has to be refused. docs/security.md lists them."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

READER = "reads-and-nothing-else-0123456789"
WRITER = "writes-what-it-may-0123456789abc"
SECONDS = 2
"""How long head and body of a request may take to arrive at the server under test."""

EVIL = "evil.example"
_JSON = "Content-Type: application/json"
_RESPONSE = "Accept: application/graphql-response+json"
_CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


@dataclass(frozen=True)
class Hostile:
    """A request as bytes, with pauses where it is slow; refused with this status and code, which is None where no body says one."""

    name: str
    parts: Sequence[bytes]
    status: int
    code: str | None
    pause_seconds: float = 0
    times: int = 1
    never_in_answer: str = "root:"


@dataclass(frozen=True)
class HostileSocket:
    """A WebSocket: refused with this status before it is accepted, closed with this code, or answered by an error with that code."""

    name: str
    refused: int | str
    messages: Sequence[str | bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    token: str | None = READER
    subprotocol: str = "graphql-transport-ws"
    host: str = "localhost"
    times: int = 1


def request(method: str, target: str, *headers: str, body: bytes = b"", token: str | None = READER, host: str = "localhost") -> bytes:
    """A whole request, nothing in it made safe."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def graphql(query: str, variables: object = None, token: str = READER, **more: object) -> list[bytes]:
    body = json.dumps({"query": query, "variables": variables, **more}).encode()
    return [request("POST", "/graphql", _JSON, _RESPONSE, body=body, token=token)]


def put_set(name: str, body: bytes, token: str = WRITER) -> list[bytes]:
    return [request("PUT", f"/api/catalog/entity-sets/{name}", _JSON, body=body, token=token)]


def get(target: str, *headers: str, token: str | None = READER) -> list[bytes]:
    return [request("GET", target, *headers, token=token)]


def post(target: str, body: bytes, *headers: str, token: str | None = READER) -> list[bytes]:
    return [request("POST", target, *headers, body=body, token=token)]


def _jwt(header: Mapping[str, str], signature: str = "") -> str:
    claims = {"sub": "user:default/admin", "ent": ["user:default/admin"], "aud": "backstage", "exp": 4_000_000_000, "iat": 1}
    parts = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return ".".join([*parts, signature])


def _fragments(levels: int) -> str:
    bombs = "".join(f"fragment f{n} on Entity {{ a: owner {{ ...f{n + 1} }} b: owner {{ ...f{n + 1} }} }} " for n in range(levels))
    return f'{{ entity(ref: "a:b/c") {{ ...f0 }} }} {bombs} fragment f{levels} on Entity {{ name }}'


def _yaml_bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(["apiVersion: backstage.io/v1alpha1", "kind: Component", "metadata: { name: bomb }", *lines, f"spec: *a{levels - 1}"])


REGISTER = "mutation($t: String!) { registerLocation(target: $t) { problems { code } } }"
VALIDATE = "mutation($c: String!) { validateEntity(document: $c) { problems { code } } }"
NESTED = "{ entities(first: 1000) { nodes { relations(first: 1000) { nodes { ref } } } } }"
FILTERED = "query($f: EntityFilter) { entities(filter: $f) { totalCount } }"
MORE = "query($after: String) { entities(first: 1, after: $after) { nodes { ref } } }"
_FORGED_CURSOR = urlsafe_b64encode(
    json.dumps({"totalItems": 1, "isPrevious": False, "query": {}, "orderFields": [["x", 1]]}).encode()
).decode()

OPERATIONS = [
    Hostile(
        "an alias bomb", graphql("{ " + " ".join(f"a{n}: entities {{ totalCount }}" for n in range(500)) + " }"), 400, "LIMIT_EXCEEDED"
    ),
    Hostile("a depth bomb", graphql('{ entity(ref: "a:b/c") { ' + "owner { " * 200 + "name" + " }" * 202), 400, "LIMIT_EXCEEDED"),
    Hostile("fragments that double at each level", graphql(_fragments(25)), 400, "LIMIT_EXCEEDED"),
    Hostile("fragments in a circle", graphql("{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }"), 400, "BAD_USER_INPUT"),
    Hostile("pages of pages", graphql(NESTED), 400, "LIMIT_EXCEEDED"),
    Hostile("a field 6,000 times", graphql("{ " + "__typename " * 6_000 + "}"), 400, "LIMIT_EXCEEDED"),
    Hostile("a directive 1,000 times", graphql("{ __typename " + "@include(if: true) " * 1_000 + "}"), 400, "LIMIT_EXCEEDED"),
    Hostile("900 fields that do not exist", graphql("{ " + " ".join(f"entitys{n}" for n in range(900)) + " }"), 400, "BAD_USER_INPUT"),
    Hostile(
        "overlapping fields to compare with each other", graphql("{ " + 'entity(ref: "a:b/c") { name } ' * 400 + "}"), 400, "LIMIT_EXCEEDED"
    ),
    Hostile(
        "a batch of 500 operations",
        post("/graphql", b"[" + b",".join([b'{"query":"{__typename}"}'] * 500) + b"]", _JSON, _RESPONSE),
        400,
        "BAD_USER_INPUT",
    ),
    Hostile(
        "variables nested 20,000 deep",
        post("/graphql", b'{"query":"{a}","variables":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001, _JSON),
        400,
        "BAD_USER_INPUT",
    ),
    Hostile(
        "a filter nested 500 deep",
        graphql("{ entities(filter: " + "{ not: " * 500 + "{}" + "}" * 500 + ") { totalCount } }"),
        400,
        "LIMIT_EXCEEDED",
    ),
    Hostile(
        "6,000 values in variables",
        graphql("query($r: [String!]!) { entitiesByRef(refs: $r) { ref } }", {"r": ["a:b/c"] * 6_000}),
        400,
        "LIMIT_EXCEEDED",
    ),
    Hostile("a page of ten billion", graphql("{ entities(first: 9999999999) { nodes { ref } } }"), 400, "BAD_USER_INPUT"),
    Hostile("a page of less than nothing", graphql("{ entities(first: -1) { nodes { ref } } }"), 200, "BAD_USER_INPUT"),
    Hostile(
        "half a character",
        post("/graphql", rb'{"query":"{ entity(ref: \"a:b/\ud800\") { ref } }"}', _JSON, _RESPONSE),
        400,
        "BAD_USER_INPUT",
    ),
    Hostile("a body that is not Unicode", post("/graphql", b'{"query":"\xff\xfe{}"}', _JSON, _RESPONSE), 400, "BAD_USER_INPUT"),
    Hostile(
        "a body that claims to be compressed",
        post("/graphql", b"\x1f\x8b\x08\x00" + b"\x00" * 1_000, _JSON, "Content-Encoding: gzip"),
        400,
        "BAD_USER_INPUT",
    ),
    Hostile("the schema, where it is not shown", graphql("{ __schema { types { name fields { name } } } }"), 400, "BAD_USER_INPUT"),
    Hostile(
        "an operation that nobody registered",
        graphql("", extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}),
        404,
        "PERSISTED_QUERY_NOT_FOUND",
    ),
    Hostile(
        "a filter of 1,500 parts", graphql(FILTERED, {"f": {"or": [{"kind": [f"k{n}"]} for n in range(1_500)]}}), 400, "LIMIT_EXCEEDED"
    ),
    Hostile("400 kB of words to look for", graphql(FILTERED, {"f": {"text": "ab* " * 100_000}}), 200, "LIMIT_EXCEEDED"),
    Hostile(
        "4,000 facets",
        graphql("query($p: [String!]!) { facets(of: $p) { of } }", {"p": [f"spec.a{n}" for n in range(4_000)]}),
        200,
        "LIMIT_EXCEEDED",
    ),
    Hostile(
        "2,000 orderings",
        graphql(
            "query($o: [EntityOrder!]) { entities(orderBy: $o) { totalCount } }", {"o": [{"path": f"spec.a{n}"} for n in range(2_000)]}
        ),
        400,
        "LIMIT_EXCEEDED",
    ),
    Hostile(
        "a ref of 900 kB, to be quoted by the answer",
        graphql("query($r: String!) { entity(ref: $r) { ref } }", {"r": "x" * 900_000}),
        200,
        "BAD_USER_INPUT",
    ),
    Hostile(
        "60 documents to be validated at once",
        graphql(
            "mutation($c: String!) { " + " ".join(f"a{n}: validateEntity(document: $c) {{ valid }}" for n in range(60)) + " }",
            {"c": "a: b\n---\n" * 2_000},
            token=WRITER,
        ),
        400,
        "LIMIT_EXCEEDED",
    ),
    Hostile("a cursor that was made up", graphql(MORE, {"after": "bm90IGEgY3Vyc29y"}), 200, "BAD_USER_INPUT"),
    Hostile("an id that was made up", graphql('{ node(id: "../../etc/passwd") { id } }'), 200, "BAD_USER_INPUT"),
    Hostile(
        "a mutation by somebody who may only read", graphql(REGISTER, {"t": "https://github.com/a/b/blob/main/c.yaml"}), 200, "FORBIDDEN"
    ),
    Hostile("figures of administrators, asked for by somebody else", get("/metrics"), 403, "NotAllowedError"),
]

FORGERIES = [
    Hostile("no credentials", post("/graphql", b'{"query":"{__typename}"}', _JSON, token=None), 401, "AuthenticationError"),
    Hostile("a token that was guessed", get("/api/catalog/entities", token="guessed-guessed-guessed"), 401, "AuthenticationError"),
    Hostile("a personal token that was guessed", get("/api/catalog/entities", token="cbp_" + "0" * 43), 401, "AuthenticationError"),
    Hostile("a token signed by nobody (alg none)", get("/api/catalog/entities", token=_jwt({"alg": "none"})), 401, "AuthenticationError"),
    Hostile(
        "a token signed by a public key as if it were a secret",
        get("/api/catalog/entities", token=_jwt({"alg": "HS256", "kid": "x"}, "AAAA")),
        401,
        "AuthenticationError",
    ),
    Hostile(
        "a token that names its own key",
        get("/api/catalog/entities", token=_jwt({"alg": "ES256", "jku": f"https://{EVIL}/jwks"}, "AAAA")),
        401,
        "AuthenticationError",
    ),
    Hostile("a token of 50 kB", get("/api/catalog/entities", token="a." * 25_000), 401, "AuthenticationError"),
    Hostile(
        "tokens guessed one after the other",
        get("/api/catalog/entities", token="guessed-guessed-guessed"),
        429,
        "TooManyRequestsError",
        times=40,
    ),
    Hostile(
        "another site's page that sends the cookie of a session",
        post("/graphql", b'{"query":"{__typename}"}', _JSON, f"Origin: https://{EVIL}", "Cookie: callboard-session=x", token=None),
        403,
        "NotAllowedError",
    ),
    Hostile(
        "another site's form that sends the cookie of a session",
        post(
            "/graphql",
            b'{"query":"{__typename}"}',
            "Content-Type: text/plain",
            "Sec-Fetch-Site: cross-site",
            "Cookie: callboard-session=x",
            token=None,
        ),
        403,
        "NotAllowedError",
    ),
    Hostile(
        "a form, which any site can send",
        post("/graphql", b"query={__typename}", "Content-Type: application/x-www-form-urlencoded"),
        415,
        "BAD_USER_INPUT",
    ),
    Hostile(
        "a mutation in an address, which any image can ask for",
        get('/graphql?query=mutation{refresh(refs:["a:b/c"]){refreshed}}', _RESPONSE),
        405,
        "BAD_USER_INPUT",
    ),
    Hostile(
        "a redirect to another site after signing in",
        get(f"/api/auth/oidc/start?env=development&redirectTo=https://{EVIL}/", token=None),
        400,
        "InputError",
    ),
    Hostile(
        "a redirect to another site that looks like a path",
        get(f"/api/auth/sign-in?redirectTo=//{EVIL}/", "Accept: text/html", token=None),
        400,
        None,
        never_in_answer="\r\nlocation:",
    ),
    Hostile("an answer to a sign-in that nobody began", get("/api/auth/oidc/handler/frame?code=x&state=forged", token=None), 401, None),
    Hostile(
        "a session renewed by another site's page",
        get("/api/auth/oidc/refresh", f"Origin: https://{EVIL}", "Cookie: callboard-session=x", token=None),
        403,
        "NotAllowedError",
    ),
    Hostile(
        "a preflight from another site",
        [request("OPTIONS", "/graphql", f"Origin: https://{EVIL}", "Access-Control-Request-Method: POST", token=None)],
        401,
        "AuthenticationError",
    ),
]

TARGETS = [
    Hostile(f"a location at {what}", graphql(REGISTER, {"t": target}, token=WRITER), 200, code)
    for what, target, code in (
        ("this machine", "http://127.0.0.1:7007/catalog-info.yaml", "source-not-allowed"),
        ("this machine, as one number", "http://2130706433/catalog-info.yaml", "source-not-allowed"),
        ("this machine, in hexadecimal", "http://0x7f.1/catalog-info.yaml", "source-not-allowed"),
        ("this machine, as IPv6", "http://[::ffff:127.0.0.1]/catalog-info.yaml", "source-not-allowed"),
        ("this machine, behind a name that is allowed", "https://github.com@127.0.0.1/catalog-info.yaml", "BAD_USER_INPUT"),
        ("a file of the server", "file:///etc/passwd", "unsupported-location"),
        ("another protocol", "gopher://127.0.0.1:6379/_FLUSHALL", "unsupported-location"),
        ("a command", "ext::sh -c id", "BAD_USER_INPUT"),
    )
]

DOCUMENTS = [
    Hostile("a YAML bomb to be validated", graphql(VALIDATE, {"c": _yaml_bomb(9)}, token=WRITER), 200, "alias-expansion"),
    Hostile("YAML that runs code", graphql(VALIDATE, {"c": "!!python/object/apply:os.system [id]"}, token=WRITER), 200, "not-an-object"),
    Hostile(
        "an entity nested 2,000 deep", put_set("deep", b'{"entities":[{"kind":' + b"[" * 2_000 + b"]" * 2_000 + b"}]}"), 400, "InputError"
    ),
    Hostile("a set of entities that is none", put_set("none", b'{"entities":{"length":1e9}}'), 400, "InputError"),
    Hostile("a set with a path for a name", put_set("..%2f..%2fetc", b'{"entities":[]}'), 404, "NotFoundError"),
    Hostile("a set by somebody who may only read", put_set("mine", b'{"entities":[]}', token=READER), 403, "NotAllowedError"),
    Hostile(
        "an entity removed by somebody who may only read",
        [request("DELETE", "/api/catalog/entities/by-uid/0b1c5a52-7bfd-5b6a-9f0e-1d1d1d1d1d1d")],
        403,
        "NotAllowedError",
    ),
]

REST = [
    Hostile("a REST cursor that was made up", get(f"/api/catalog/entities/by-query?cursor={_FORGED_CURSOR}"), 400, "InputError"),
    Hostile("a REST page of ten billion", get("/api/catalog/entities/by-query?limit=99999999999999999999"), 400, "InputError"),
    Hostile(
        "a REST query of 50,000 refs",
        post("/api/catalog/entities/by-refs", json.dumps({"entityRefs": ["component:default/a-b-c"] * 50_000}).encode(), _JSON),
        413,
        "PayloadTooLargeError",
    ),
    Hostile(
        "a predicate nested 500 deep",
        post("/api/catalog/entities/by-query", b'{"query":' + b'{"$not":' * 500 + b'{"kind":"x"}' + b"}" * 501, _JSON),
        400,
        "InputError",
    ),
    Hostile(
        "a predicate of 20,000 parts",
        post("/api/catalog/entities/by-query", json.dumps({"query": {"$any": [{"kind": f"x{n}"} for n in range(20_000)]}}).encode(), _JSON),
        400,
        "InputError",
    ),
    Hostile(
        "words to look for in 5,000 fields",
        post(
            "/api/catalog/entities/by-query",
            json.dumps({"fullTextFilter": {"term": "x" * 500, "fields": [f"a{n}" for n in range(5_000)]}}).encode(),
            _JSON,
        ),
        400,
        "InputError",
    ),
    Hostile("3,000 REST facets", get("/api/catalog/entity-facets?" + "&".join(f"facet=a{n}" for n in range(3_000))), 400, "InputError"),
    Hostile(
        "a method in a header", post("/api/catalog/entities", b"{}", _JSON, "X-HTTP-Method-Override: DELETE"), 405, "MethodNotAllowedError"
    ),
    Hostile("a name with a null byte", get("/api/catalog/entities/by-name/component/default/a%00b"), 404, "NotFoundError"),
    Hostile(
        "a set of entities in YAML, with a bomb in it",
        [request("PUT", "/api/catalog/entity-sets/bomb", "Content-Type: application/yaml", body=_yaml_bomb(9).encode(), token=WRITER)],
        415,
        "UnsupportedMediaTypeError",
    ),
    Hostile("TRACE", [request("TRACE", "/api/catalog/entities")], 405, "MethodNotAllowedError"),
    Hostile("a path that leaves its folder", get("/graphiql/../../../../etc/passwd"), 404, "NotFoundError"),
    Hostile("an encoded path that leaves its folder", get("/graphiql/..%2f..%2f..%2f..%2fetc%2fpasswd"), 404, "NotFoundError"),
    Hostile("a path from where all may look to where not all may", get("/graphiql/..%2f..%2fmetrics", token=None), 404, "NotFoundError"),
    Hostile("such a path to operations", get("/webhooks/..%2f..%2fgraphql?query={__typename}", token=None), 404, "NotFoundError"),
    Hostile("a path with a null byte", get("/graphiql/index.html%00.js"), 404, "NotFoundError"),
    Hostile("a path with line breaks", get("/nowhere%0d%0aSet-Cookie:%20a=b"), 404, "NotFoundError", never_in_answer="\r\nSet-Cookie: a"),
    Hostile("lines of a log in a path", get("/webhooks/x%0A2026-01-01%20ERROR%20callboard:%20forged"), 405, "MethodNotAllowedError"),
    Hostile("a proxy to another host", get(f"/api/proxy/https:%2f%2f{EVIL}/"), 404, "NotFoundError"),
    Hostile("a proxy left by its path", get("/api/proxy/..%2f..%2fgraphql"), 404, "NotFoundError"),
    Hostile(
        "a webhook that is not signed",
        post("/webhooks/github", b"{}", _JSON, "X-GitHub-Event: push", token=None),
        401,
        "AuthenticationError",
    ),
    Hostile(
        "a webhook of 40 MB", [request("POST", "/webhooks/github", "Content-Length: 40000000", token=None)], 413, "PayloadTooLargeError"
    ),
]

TRANSPORT = [
    Hostile("another host's name", [request("GET", "/livez", host=EVIL)], 421, "MisdirectedRequestError"),
    Hostile("an address of another host", [request("GET", f"http://{EVIL}/livez", host=EVIL)], 421, "MisdirectedRequestError"),
    Hostile(
        "another host's name that begins like ours", [request("GET", "/livez", host=f"localhost.{EVIL}")], 421, "MisdirectedRequestError"
    ),
    Hostile("two hosts' names", [request("GET", "/livez", f"Host: {EVIL}")], 400, "InputError"),
    Hostile("a body of 2 MB, announced", [request("POST", "/graphql", _JSON, "Content-Length: 2000000")], 413, "LIMIT_EXCEEDED"),
    Hostile(
        "a body of 2 MB, announced to wait for leave",
        [request("POST", "/graphql", _JSON, "Content-Length: 2000000", "Expect: 100-continue")],
        413,
        "LIMIT_EXCEEDED",
    ),
    Hostile(
        "a body without an end", [request("POST", "/graphql", _JSON, "Transfer-Encoding: chunked"), *[_CHUNK] * 40], 413, "LIMIT_EXCEEDED"
    ),
    Hostile(
        "two lengths (request smuggling)",
        [request("POST", "/graphql", _JSON, "Content-Length: 1", body=b'{"query":"{__typename}"}')],
        400,
        "InputError",
    ),
    Hostile(
        "a length and chunks (request smuggling)",
        [request("POST", "/graphql", _JSON, "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n")],
        400,
        "InputError",
    ),
    Hostile("a length below nothing", [request("POST", "/graphql", _JSON, "Content-Length: -1")], 400, "InputError"),
    Hostile(
        "a chunk of sixteen exabytes",
        [request("POST", "/graphql", _JSON, "Transfer-Encoding: chunked"), b"FFFFFFFFFFFFFFFFF\r\nx"],
        400,
        "InputError",
    ),
    Hostile("a header name with a space", [b"GET /livez HTTP/1.1\r\nHost: localhost\r\nAuthorization : x\r\n\r\n"], 400, "InputError"),
    Hostile("a header of 100 kB", get("/livez", "X-Long: " + "x" * 100_000), 431, "RequestHeaderFieldsTooLargeError"),
    Hostile(
        "a header without an end",
        [b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: ", *[b"x" * 50_000] * 4],
        431,
        "RequestHeaderFieldsTooLargeError",
    ),
    Hostile("an address of 100 kB", get("/graphql?query=" + "x" * 100_000), 431, "RequestHeaderFieldsTooLargeError"),
    Hostile("20,000 headers", get("/livez", *["X: y"] * 20_000), 431, "RequestHeaderFieldsTooLargeError"),
    Hostile(
        "headers that come drop by drop", [b"GET /livez HTTP/1.1\r\n", *[b"X: y\r\n"] * 8], 408, "RequestTimeoutError", pause_seconds=0.5
    ),
    Hostile(
        "a body that comes drop by drop",
        [request("POST", "/graphql", _JSON, "Content-Length: 1000"), *[b" "] * 8],
        408,
        "RequestTimeoutError",
        pause_seconds=0.5,
    ),
    Hostile("what is not HTTP", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200], 400, "InputError"),
    Hostile("HTTP/2 without having asked", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], 400, "InputError"),
    Hostile("50 kB of media types", get("/graphql?query={__typename}", "Accept: " + "a/b;q=0.1," * 5_000), 406, "BAD_USER_INPUT"),
]

_INIT = '{"type":"connection_init"}'
_SUBSCRIBE = '{"id":"%d","type":"subscribe","payload":{"query":"subscription { entityChanges { cursor } }"}}'

SOCKETS = [
    HostileSocket("a WebSocket from another site's page", 403, headers={"Origin": f"https://{EVIL}"}),
    HostileSocket("a WebSocket for another host's name", 421, host=EVIL),
    HostileSocket("a WebSocket with a token that was guessed", 401, token="guessed-guessed-guessed"),
    HostileSocket(
        "tokens guessed over one WebSocket after the other",
        429,
        ['{"type":"connection_init","payload":{"Authorization":"Bearer guessed-guessed-guessed"}}'],
        token=None,
        times=40,
    ),
    HostileSocket("a WebSocket of another protocol", 4406, subprotocol="graphql-ws"),
    HostileSocket("a WebSocket that asks before it has said who it is", 4401, [_SUBSCRIBE % 1]),
    HostileSocket("a WebSocket that begins twice", 4429, [_INIT, _INIT]),
    HostileSocket("a WebSocket that sends no JSON", 4400, [_INIT, "{" * 1_000]),
    HostileSocket("a WebSocket that sends bytes", 4400, [_INIT, b"\x00\xff"]),
    HostileSocket("a WebSocket message of 2 MB", 1009, [_INIT, "x" * 2_000_000]),
    HostileSocket("60 subscriptions over one WebSocket", "LIMIT_EXCEEDED", [_INIT, *[_SUBSCRIBE % n for n in range(60)]]),
    HostileSocket(
        "an alias bomb over a WebSocket",
        "LIMIT_EXCEEDED",
        [
            _INIT,
            json.dumps(
                {
                    "id": "1",
                    "type": "subscribe",
                    "payload": {"query": "{ " + " ".join(f"a{n}: entities {{ totalCount }}" for n in range(500)) + " }"},
                }
            ),
        ],
    ),
]

REQUESTS = [*OPERATIONS, *FORGERIES, *TARGETS, *DOCUMENTS, *REST, *TRANSPORT]
