"""The `techdocs.generator` section: how documentation is built, and what a build may take."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from config.integration import BaseUrl
from config.intervals import Duration
from config.sections import Section, Text

_Limit = Annotated[int, Field(ge=1)]
_MIB = 1024 * 1024


class Mkdocs(Section):
    """`techdocs.generator.mkdocs`."""

    legacy_copy_readme_md_to_index_md: bool = Field(
        default=True, description="Whether README.md becomes the first page where there is no index.md. Backstage does so only if told to."
    )
    default_plugins: tuple[Text, ...] = Field(
        default=(), description="Plugins of mkdocs, by name, that every site is built with, as far as repositories may use them."
    )
    disable_external_fonts: bool | None = Field(default=None, description="Without meaning: no site loads fonts from elsewhere.")
    dangerously_allow_additional_plugins: tuple[Text, ...] = Field(
        default=(),
        description="Plugins of mkdocs, by name, that repositories may use beyond those that are known to run no code of theirs. They have "
        "to be installed beside Callboard.",
    )
    dangerously_allow_additional_extensions: tuple[Text, ...] = Field(
        default=(), description="Extensions of Markdown, by name, that repositories may use beyond those known to read no files."
    )


class BuildLimits(Section):
    """`techdocs.generator.limits`."""

    time: Duration = Field(default=timedelta(minutes=3), description="How long a build may take; it is killed then.")
    memory_bytes: Annotated[int, Field(ge=128 * _MIB)] = Field(default=1024 * _MIB, description="Address space of a building process.")
    source_files: _Limit = Field(default=20_000, description="The most files that the folder of documentation may hold.")
    source_bytes: _Limit = Field(default=512 * _MIB, description="The most bytes that the folder of documentation may hold.")
    file_bytes: _Limit = Field(default=50 * _MIB, description="Larger files of the folder are left out, and so are larger files of a site.")
    site_files: _Limit = Field(default=20_000, description="The most files that a site may have.")
    site_bytes: _Limit = Field(default=512 * _MIB, description="The most bytes that a site may have.")
    log_bytes: Annotated[int, Field(ge=1024)] = Field(default=64 * 1024, description="How much is kept of what a build says.")


class Diagrams(Section):
    """`techdocs.generator.diagrams`."""

    plantuml: BaseUrl | None = Field(
        default=None,
        description="Address of a PlantUML server, such as https://uml.example.com/plantuml: PlantUML's blocks are sent there when a site "
        "is built. Absent: they stay code.",
    )
    kroki: BaseUrl | None = Field(
        default=None,
        description="Address of a Kroki server: blocks of Kroki's languages are sent there, and those of PlantUML and Graphviz if nothing "
        "else draws. Absent: they stay code.",
    )


class Generator(Section):
    """`techdocs.generator`."""

    run_in: Literal["local", "docker"] = Field(
        default="local", description="Means a process of its own on this machine either way; no container is started."
    )
    docker_image: Text | None = Field(default=None, description="Without meaning: no container is started.")
    pull_image: bool | None = Field(default=None, description="Without meaning: no container is started.")
    mkdocs: Mkdocs = Field(default=Mkdocs(), description="What a repository's mkdocs.yml may use.")
    diagrams: Diagrams = Field(
        default=Diagrams(), description="Servers that draw diagrams. For private addresses see backend.reading.allowPrivate."
    )
    limits: BuildLimits = Field(default=BuildLimits(), description="What one build may take.")
    concurrent_builds: _Limit = Field(default=2, description="How many builds a process runs at once.")

    def taken_over(self) -> Iterator[tuple[str, str]]:
        """As `Techdocs.taken_over`."""
        if self.run_in == "docker" or self.docker_image or self.pull_image is not None:
            yield "techdocs.generator.runIn", "a process of its own on this machine; no container is started, and no image is used"
        if self.mkdocs.disable_external_fonts is False:
            yield "techdocs.generator.mkdocs.disableExternalFonts", "true: no site loads fonts from elsewhere"
