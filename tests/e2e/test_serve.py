"""A server as a process: it starts, answers, follows the files, stops and starts again."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, configuration, serving

COUNT = "{ entities { totalCount } }"
TITLE = '{ entity(ref: "component:default/shop") { title } }'
SHOP = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop
  title: {title}
spec:
  type: service
  lifecycle: production
  owner: shopkeepers
"""


def _write_shop(folder: Path, title: str) -> None:
    (folder / "catalog-info.yaml").write_text(SHOP.format(title=title))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "catalog").mkdir()
    _write_shop(tmp_path / "catalog", "The Shop")
    return configuration(tmp_path, "catalog/*.yaml")


def _wait_for_title(server: Serving, title: str) -> None:
    server.wait_for(TITLE, {"entity": {"title": title}})


def test_a_server_answers_follows_its_files_and_keeps_what_it_read(config: Path):
    with serving(config) as server:
        _wait_for_title(server, "The Shop")
        _write_shop(config.parent / "catalog", "The Other Shop")
        _wait_for_title(server, "The Other Shop")
        assert server.stop() == 0
    (config.parent / "catalog" / "catalog-info.yaml").write_text("{")
    with serving(config) as server:
        assert server.get("/readyz").status_code in {200, 503}
        _wait_for_title(server, "The Other Shop")


def test_a_request_to_terminate_is_no_failure(config: Path):
    with serving(config) as server:
        assert server.stop(signal.SIGTERM) == 0


def test_a_port_in_use_is_refused_by_its_key(config: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(config.read_text().replace("port: 0", f"port: {port}"))
        finished = _served(config)
    assert finished.returncode == 2
    assert "backend.listen.port" in finished.stderr
    assert f"can't listen on 127.0.0.1, port {port}" in finished.stderr


def test_an_address_beyond_loopback_is_refused_with_the_reason(config: Path):
    config.write_text(config.read_text().replace("127.0.0.1", "0.0.0.0"))
    finished = _served(config)
    assert finished.returncode == 2
    assert "backend.listen.host" in finished.stderr
    assert "beyond loopback" in finished.stderr


def test_a_page_whose_name_was_made_to_lead_here_is_refused(config: Path):
    with serving(config) as server:
        answer = server.get("/livez", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert answer.json()["error"]["message"] == ("This server is not 'evil.example'; set backend.baseUrl to the address that clients use.")


def _served(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cli.main import main; main()", "serve", "--config", str(config)]
    return subprocess.run(command, cwd=config.parent, capture_output=True, text=True, timeout=30, check=False)
