"""The queries Q1 to Q6, in this contract and in the peer's, and the rows that both must answer with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benches.catalogs import HUB

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Query:
    """One query: its text and variables here and at the peer, and how to read comparable rows out of either's data."""

    name: str
    text: str
    variables: Mapping[str, object]
    rows: Callable[[Data], list[Any]]
    peer_text: str
    peer_variables: Mapping[str, object]
    peer_rows: Callable[[Data], list[Any]]


def comparable(rows: list[Any]) -> list[str]:
    """The rows as sorted JSON texts: equal sets of rows give equal lists."""
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def widest_components(ask: Callable[[str], Data]) -> list[str]:
    """The 100 components with the most dependencies and consumers of their APIs, as refs: the roots of Q3."""
    text = """
      query ($after: String) { components(first: 1000, after: $after) { pageInfo { endCursor hasNextPage }
        nodes { ref dependsOn { totalCount } providesApis { nodes { consumers { totalCount } } } } } }"""
    weights: list[tuple[int, str]] = []
    cursor: str | None = None
    while True:
        page = ask(json.dumps({"query": text, "variables": {"after": cursor}}))["components"]
        for node in page["nodes"]:
            consumers = sum(api["consumers"]["totalCount"] for api in node["providesApis"]["nodes"])
            weights.append((-2 * node["dependsOn"]["totalCount"] - consumers, node["ref"]))
        if not page["pageInfo"]["hasNextPage"]:
            return [ref for _, ref in sorted(weights)[:100]]
        cursor = page["pageInfo"]["endCursor"]


_EIGHT = ("kind", "namespace", "name", "title", "description", "type", "lifecycle")
_SIX = ("kind", "name", "title", "type", "lifecycle")


def _picked(nodes: list[Data], key: str, fields: tuple[str, ...]) -> list[Any]:
    return [[node[key], *(node[f] for f in fields)] for node in nodes]


def _name(node: Any) -> str | None:
    """The name of a node, or of the only member of a list of nodes."""
    only: Any = node[0] if isinstance(node, list) and node else node
    return only["name"] if only else None


def _placed(nodes: list[Data]) -> list[Any]:
    rows: list[Any] = []
    for node in nodes:
        system: Any = node["system"][0] if isinstance(node["system"], list) and node["system"] else node["system"] or None
        rows.append([node["name"], _name(node["owner"]), _name(system), _name(system["domain"]) if system else None])
    return rows


def _members(connection: Any) -> list[Data]:
    return connection["nodes"] if isinstance(connection, dict) else connection


def _wide(nodes: list[Data]) -> list[Any]:
    return [
        [
            node["name"],
            sorted([d["name"], _name(d["owner"])] for d in _members(node["dependsOn"])),
            sorted([a["name"], sorted(c["name"] for c in _members(a["consumers"]))] for a in _members(node["providesApis"])),
        ]
        for node in nodes
    ]


def queries(widest: list[str]) -> list[Query]:
    """Q1 to Q5; Q6 is Q1 asked ten times at once. `widest` are the roots of Q3."""
    return [
        Query(
            "Q1",
            """query ($ref: String!) { entity(ref: $ref) { ref kind namespace name title description
                 ... on Component { type lifecycle } } }""",
            {"ref": HUB},
            lambda data: _picked([data["entity"]], "ref", _EIGHT),
            "query($k:String!){entities(where:{key:{eq:$k}}){key kind namespace name title description type lifecycle}}",
            {"k": HUB},
            lambda data: _picked(data["entities"], "key", _EIGHT),
        ),
        Query(
            "Q2",
            "query ($n: Int!) { components(first: $n) { nodes { name owner { name } system { name domain { name } } } } }",
            {"n": 100},
            lambda data: _placed(data["components"]["nodes"]),
            "query($n:Int!){components(limit:$n,sort:[{name:ASC}]){name owner{name} system{name domain{name}}}}",
            {"n": 100},
            lambda data: _placed(data["components"]),
        ),
        Query(
            "Q3",
            """query ($refs: [String!]!) { entitiesByRef(refs: $refs) { ... on Component { name
                 dependsOn(first: 1000) { nodes { name owner { name } } }
                 providesApis(first: 1000) { nodes { name consumers(first: 1000) { nodes { name } } } } } } }""",
            {"refs": widest},
            lambda data: _wide(data["entitiesByRef"]),
            """query($ks:[String!]!){components(where:{key:{in:$ks}}){name dependsOn{name owner{name}}
                 providesApis{name consumers{name}}}}""",
            {"ks": widest},
            lambda data: _wide(data["components"]),
        ),
        Query(
            "Q4",
            "query ($n: Int!) { components(first: $n) { nodes { ref kind name title type lifecycle } } }",
            {"n": 1000},
            lambda data: _picked(data["components"]["nodes"], "ref", _SIX),
            "query($n:Int!){components(limit:$n,sort:[{name:ASC}]){key kind name title type lifecycle}}",
            {"n": 1000},
            lambda data: _picked(data["components"], "key", _SIX),
        ),
        Query(
            "Q5",
            """query ($ref: String!) { impact(of: [$ref], relations: [DEPENDS_ON], first: 10000) {
                 edges { depth node { name kind owner { ref } } } } }""",
            {"ref": HUB},
            lambda data: [
                [e["depth"], e["node"]["name"], e["node"]["kind"], e["node"]["owner"] and e["node"]["owner"]["ref"]]
                for e in data["impact"]["edges"]
            ],
            "query($k:String!){impact(key:$k){name kind owner depth}}",
            {"k": HUB},
            lambda data: [[row["depth"], row["name"], row["kind"], row["owner"]] for row in data["impact"]],
        ),
    ]
