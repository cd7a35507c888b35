"""What proves that addresses are refused, once more where no packet could leave: in a network namespace that has nothing but loopback."""

import subprocess
import sys
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parent
_PROVEN_THERE = ("test_outbound_guard.py", "test_outbound_client.py")
_SETUP = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up and running
    try:
        control.connect(("192.0.2.1", 9))
    except OSError:
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
sys.exit("there is a route out")
"""


def test_refusals_are_proven_where_nothing_can_leave():
    if subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"], check=False, capture_output=True).returncode:
        pytest.skip("the kernel gives no network namespace to this user")
    inside = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", _SETUP]
    asked = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(_FOLDER / name) for name in _PROVEN_THERE)]
    run = subprocess.run([*inside, *asked], check=False, capture_output=True, text=True, timeout=120, cwd=_FOLDER.parents[1])
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
    assert "skipped" not in run.stdout
