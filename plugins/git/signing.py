"""Signatures of commits by an OpenPGP key, as https://git-scm.com/docs/gitformat-signature describes them."""

from importlib import import_module

from pydantic import SecretStr

from graph.errors import InputError


def openpgp_signature(key: SecretStr, content: bytes) -> str:
    """A detached signature in ASCII armor. InputError for a key that can't sign, and where the library is not installed. Blocking."""
    try:
        # There is none for every machine, and few need it.
        pysequoia = import_module("pysequoia")
    except ImportError as error:
        raise InputError(
            "commits can't be signed on this machine: install the Python package pysequoia, or leave out signCommit"
        ) from error
    try:
        signer = pysequoia.Tsk.from_bytes(key.get_secret_value().strip().encode()).signer()
        return pysequoia.sign(signer, content, mode=pysequoia.SignatureMode.DETACHED).decode()
    except Exception as error:
        # The library raises what it likes, and with its texts come traces of the stack.
        told = str(error).partition("\n")[0]
        raise InputError(
            f"the commit can't be signed by the configured key: {told}; it has to be a private key without passphrase"
        ) from None
