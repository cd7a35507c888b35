"""A process that takes pages apart for another one: pages come in, their parts go out, each behind its length.

A page can be made so that this takes minutes; such a process is killed, and nobody else waits.
"""

import select
import struct
import sys

import orjson

from graph.errors import LimitExceededError
from workers.techdocs.confinement import limit
from workers.techdocs.pages import page_of

LENGTH = struct.Struct(">I")
_MEMORY_BYTES = 1024 * 1024 * 1024
_CPU_SECONDS = 24 * 3600
_IDLE_SECONDS = 300


def serve() -> None:
    """Answer until the other end closes, or nothing has come for a while."""
    limit(_MEMORY_BYTES, _CPU_SECONDS, 0)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while select.select([source], [], [], _IDLE_SECONDS)[0]:
        header = source.read(LENGTH.size)
        if len(header) < LENGTH.size:
            return
        html = source.read(LENGTH.unpack(header)[0]).decode(errors="replace")
        try:
            answer = orjson.dumps({"page": page_of(html)})
        except (LimitExceededError, MemoryError, RecursionError, orjson.JSONEncodeError) as error:
            answer = orjson.dumps({"refused": str(error) or "The page nests too deeply, or is too large."})
        sink.write(LENGTH.pack(len(answer)) + answer)
        sink.flush()


if __name__ == "__main__":
    serve()
