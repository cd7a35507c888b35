"""Finds installed plugins by their entry points and builds them; one that can't be used is told of and left out."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

import orjson

from plugins.contract import Plugin, PluginContext, Processor, Provider

if TYPE_CHECKING:
    from plugins.actions import Action

GROUP = "callboard.plugins"
"""The group of entry points by which plugins are found."""

_log = logging.getLogger("callboard.plugins")


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """The plugins that are installed: what each provides, by the name of its entry point, and why the `broken` ones can't be used."""

    providers: Mapping[str, Sequence[Provider]] = field(default_factory=dict[str, Sequence[Provider]])
    processors: tuple[Processor, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict[str, str])
    actions: "tuple[Action, ...]" = ()


def load_plugins(sections: Mapping[str, Mapping[str, Any]]) -> LoadedPlugins:
    """The installed plugins, built with their sections of the configuration, once per process and configuration."""
    return _loaded(orjson.dumps(sections, option=orjson.OPT_SORT_KEYS))


def forget_plugins() -> None:
    """Have the plugins looked for anew, when others may be installed."""
    _loaded.cache_clear()


@cache
def _loaded(sections_json: bytes) -> LoadedPlugins:
    sections: dict[str, dict[str, Any]] = orjson.loads(sections_json)
    providers: dict[str, Sequence[Provider]] = {}
    processors: dict[str, Processor] = {}
    broken: dict[str, str] = {}
    actions: list[Action] = []
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    taken: set[str] = set()
    for entry in found:
        try:
            plugin = _built(entry, sections.get(entry.name, {}))
            _check_names(plugin, processors, taken)
        except Exception as error:
            broken[entry.name] = f"{type(error).__name__}: {error}"
            _log.error("the plugin %s can't be used: %s", entry.name, broken[entry.name])
            continue
        providers[entry.name] = plugin.providers
        taken |= {provider.name for provider in plugin.providers}
        processors |= {processor.name: processor for processor in plugin.processors}
        actions += plugin.actions
    for name in sorted(sections.keys() - {entry.name for entry in found}):
        broken[name] = "it is configured, but not installed"
        _log.error("the plugin %s can't be used: %s", name, broken[name])
    return LoadedPlugins(providers, tuple(processors[name] for name in sorted(processors)), broken, tuple(actions))


def _built(entry: EntryPoint, section: Mapping[str, Any]) -> Plugin:
    build = cast("Callable[[PluginContext], object]", entry.load())
    plugin = build(PluginContext(section))
    if not isinstance(plugin, Plugin):
        raise TypeError(f"{entry.value} returned {type(plugin).__name__}, not callboard.plugin.Plugin")
    for provider in plugin.providers:
        _check_has(provider, "name", "schedule", "read", "on_event")
    for processor in plugin.processors:
        _check_has(processor, "name", "version", "process")
    for action in plugin.actions:
        _check_has(action, "id", "run", "input", "output")
    return plugin


def _check_has(thing: object, *names: str) -> None:
    missing = [name for name in names if not hasattr(thing, name)]
    if missing:
        raise TypeError(f"{type(thing).__name__} has no {', '.join(missing)}")


def _check_names(plugin: Plugin, processors: Mapping[str, Processor], providers: set[str]) -> None:
    names = [processor.name for processor in plugin.processors]
    given = [provider.name for provider in plugin.providers]
    again = [name for name in names if name in processors or names.count(name) > 1]
    again += [name for name in given if name in providers or given.count(name) > 1]
    if again:
        raise ValueError(f"{again[0]} is the name of another processor or provider")
