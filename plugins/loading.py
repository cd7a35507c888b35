"""Finds installed plugins by their entry points and builds them; one that can't be used is told of and left out."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

import orjson

from plugins.contract import Collator, Plugin, PluginContext, Processor, Provider, SearchSource

if TYPE_CHECKING:
    from plugins.actions import Action

GROUP = "callboard.plugins"
"""The group of entry points by which plugins are found."""

OWN_TYPES = frozenset({"entity", "definition", "section"})
"""The types of the documents that Callboard collates itself."""

_log = logging.getLogger("callboard.plugins")


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """The plugins that are installed: the providers and search sources of each, by the name of its entry point, and why the `broken` ones
    can't be used.
    """

    providers: Mapping[str, Sequence[Provider]] = field(default_factory=dict[str, Sequence[Provider]])
    processors: tuple[Processor, ...] = ()
    collators: tuple[Collator, ...] = ()
    search_sources: Mapping[str, Sequence[SearchSource]] = field(default_factory=dict[str, Sequence[SearchSource]])
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
    plugins: dict[str, Plugin] = {}
    broken: dict[str, str] = {}
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    for entry in found:
        try:
            plugin = _built(entry, sections.get(entry.name, {}))
            _check_names(plugin, plugins.values())
        except Exception as error:
            broken[entry.name] = f"{type(error).__name__}: {error}"
            _log.error("the plugin %s can't be used: %s", entry.name, broken[entry.name])
            continue
        plugins[entry.name] = plugin
    for name in sorted(sections.keys() - {entry.name for entry in found}):
        broken[name] = "it is configured, but not installed"
        _log.error("the plugin %s can't be used: %s", name, broken[name])
    return LoadedPlugins(
        {name: plugin.providers for name, plugin in plugins.items()},
        tuple(sorted((each for plugin in plugins.values() for each in plugin.processors), key=lambda processor: processor.name)),
        tuple(sorted((each for plugin in plugins.values() for each in plugin.collators), key=lambda collator: collator.type)),
        {name: plugin.search_sources for name, plugin in plugins.items()},
        broken,
        tuple(each for plugin in plugins.values() for each in plugin.actions),
    )


def _built(entry: EntryPoint, section: Mapping[str, Any]) -> Plugin:
    build = cast("Callable[[PluginContext], object]", entry.load())
    plugin = build(PluginContext(section))
    if not isinstance(plugin, Plugin):
        raise TypeError(f"{entry.value} returned {type(plugin).__name__}, not callboard.plugin.Plugin")
    for provider in plugin.providers:
        _check_has(provider, "name", "schedule", "read", "on_event")
    for processor in plugin.processors:
        _check_has(processor, "name", "version", "process")
    for collator in plugin.collators:
        _check_has(collator, "type", "version", "paths", "documents")
    for source in plugin.search_sources:
        _check_has(source, "name", "type", "version", "schedule", "read")
    for action in plugin.actions:
        _check_has(action, "id", "run", "input", "output")
    return plugin


def _check_has(thing: object, *names: str) -> None:
    missing = [name for name in names if not hasattr(thing, name)]
    if missing:
        raise TypeError(f"{type(thing).__name__} has no {', '.join(missing)}")


def _check_names(plugin: Plugin, others: Iterable[Plugin]) -> None:
    for each in (*plugin.collators, *plugin.search_sources):
        if each.type in OWN_TYPES:
            raise ValueError(f"{each.type} is a type of Callboard's own documents; name another")
    if both := {each.type for each in plugin.collators} & {each.type for each in plugin.search_sources}:
        raise ValueError(f"{min(both)} is the type of both a collator and a search source; name another for one of them")
    taken = {name for other in others for name in _names(other)}
    for what, name in _names(plugin):
        if (what, name) in taken:
            raise ValueError(f"{name} is the name of another {what}")
        taken.add((what, name))


def _names(plugin: Plugin) -> Iterator[tuple[str, str]]:
    yield from (("provider", provider.name) for provider in plugin.providers)
    yield from (("processor", processor.name) for processor in plugin.processors)
    yield from (("collator", collator.type) for collator in plugin.collators)
    yield from (("search source", source.name) for source in plugin.search_sources)
