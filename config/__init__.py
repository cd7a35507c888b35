"""The configuration: files and environment in, one frozen model out. The only reader of the environment."""

from config.errors import ConfigurationError
from config.load import load
from config.model import Config

__all__ = ["Config", "ConfigurationError", "load"]
