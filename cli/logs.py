"""Logging of the processes that run until stopped: one line each, on stderr, without secrets."""

import logging
import sys

from config import Config
from config.redaction import SecretsFilter, secrets_of


class _Stderr(logging.Handler):
    """Writes to what stderr is at that moment: a progress bar puts itself in between."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")
        sys.stderr.flush()


def mask_warnings() -> None:
    """Mask what looks like a secret in the warnings of commands that keep no log."""
    if logging.lastResort:
        logging.lastResort.addFilter(SecretsFilter())


def log_to_stderr(config: Config) -> None:
    """Log what Callboard does, and of its libraries what they warn about. Secrets of the configuration are masked wherever they stand."""
    handler = _Stderr()
    handler.addFilter(SecretsFilter(secrets_of(config)))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.captureWarnings(True)
    logging.getLogger("callboard").setLevel(logging.INFO)
    # The driver tells of each of its own retries; what comes of them is told by Callboard.
    logging.getLogger("neo4j").setLevel(logging.CRITICAL)
