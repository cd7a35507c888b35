"""A server that executes registered operations alone, asked over a WebSocket."""

import json
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.e2e.serving import configuration, serving

COUNT = "{ entities { totalCount } }"
TITLES = 'query Kinds { facets(of: ["kind"]) { values { value count } } }'


async def _asked(url: str, *payloads: dict[str, Any]) -> list[dict[str, Any]]:
    """The first message about each operation."""
    told: list[dict[str, Any]] = []
    async with connect(f"{url.replace('http', 'ws')}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send('{"type":"connection_init"}')
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        for number, payload in enumerate(payloads):
            await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
            while (message := json.loads(await socket.recv())).get("id") != str(number) or message["type"] == "complete":
                pass
            told.append(message)
    return told


async def test_a_websocket_takes_registered_operations_and_no_others(tmp_path: Path):
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "count.graphql").write_text(COUNT)
    (tmp_path / "catalog").mkdir()
    with serving(configuration(tmp_path, "catalog/*.yaml", trustedDocuments="{ path: documents, only: true }")) as server:
        server.wait_for(COUNT, {"entities": {"totalCount": 0}})
        asked = [{"documentId": "count"}, {"query": COUNT}, {"query": TITLES}, {"documentId": "nothing"}]
        told = await _asked(server.url, *asked, {"query": "subscription { entityChanges { cursor } }"})
    assert [message["payload"]["data"] for message in told[:2]] == [{"entities": {"totalCount": 0}}] * 2
    assert [message["payload"][0]["extensions"]["code"] for message in told[2:]] == ["FORBIDDEN", "PERSISTED_QUERY_NOT_FOUND", "FORBIDDEN"]


async def test_operations_over_one_websocket_are_paid_for_one_by_one(tmp_path: Path):
    (tmp_path / "catalog").mkdir()
    config = configuration(tmp_path, "catalog/*.yaml")
    config.write_text(config.read_text().replace("backend:\n", "backend:\n  rateLimit: { guestCostPerMinute: 210 }\n"))
    with serving(config) as server:
        told = await _asked(server.url, *[{"query": "{ __typename }"}] * 4)
    assert [message["type"] for message in told] == ["next", "next", "next", "error"]
    assert told[3]["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert told[3]["payload"][0]["extensions"]["retryAfterSeconds"] in range(1, 60)
