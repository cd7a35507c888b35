"""The `scaffolder` section: how templates are run, and what they may reach."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr

from config.intervals import Duration
from config.sections import Section, Text


class AllowedRequest(Section):
    """One of `scaffolder.requests`."""

    path: Text = Field(description="Beginning of the paths below `backend.baseUrl` that `http:backstage:request` may ask for.")
    methods: tuple[Text, ...] = Field(default=("GET",), description="The methods by which it may.")


class Environment(Section):
    """`scaffolder.defaultEnvironment`."""

    parameters: Mapping[str, str] = Field(default={}, description="What templates read as `environment.parameters`.")
    secrets: Mapping[str, SecretStr] = Field(
        default={}, description="What the inputs of their steps, and nothing else, read as `environment.secrets`."
    )


class Author(Section):
    """`scaffolder.defaultAuthor`."""

    name: Text = Field(default="Scaffolder", description="Name of the author of commits.")
    email: Text = Field(default="scaffolder@backstage.io", description="Address of the author of commits.")


class Scaffolder(Section):
    """`scaffolder`."""

    default_author: Author = Field(default=Author(), description="Author of the commits that templates publish, where a step names none.")
    default_commit_message: Text | None = Field(
        default=None, description="Message of the commits that templates publish, where a step has none; without it `initial commit`."
    )
    default_commit_signing_key: SecretStr | None = Field(
        default=None,
        description="OpenPGP private key without a passphrase, in ASCII armor, that signs commits of steps with `signCommit` where the "
        "integration has no `commitSigningKey`.",
    )
    require_scm_user_credentials: bool = Field(
        default=False,
        description="Whether steps that publish have to be given a `token` of whoever runs the template, and never use the credentials of "
        "`integrations`.",
    )

    concurrent_tasks_limit: Annotated[int, Field(ge=1, le=8)] = Field(
        default=5, description="How many tasks one process runs at once; others wait."
    )
    task_timeout: Duration = Field(default=timedelta(hours=1), description="How long a task may take, from its start or its retry.")
    task_retention: Duration = Field(default=timedelta(days=30), description="How long tasks that have ended, and their logs, are kept.")
    skeleton_interval: Duration = Field(
        default=timedelta(minutes=10), description="How often it is looked whether what templates fetched is another by now."
    )
    max_workspace_bytes: Annotated[int, Field(ge=1)] = Field(
        default=256 * 1024 * 1024, description="How much the files that a task works on may hold together."
    )
    max_rendering_bytes: Annotated[int, Field(ge=1)] = Field(
        default=32 * 1024 * 1024,
        description="How much of what a task published to a repository is kept, encrypted, so that `template upgrade` can tell what "
        "changed since. It is kept as long as what the task made is remembered; of what is larger nothing is.",
    )
    encryption_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Secret of at least 32 characters, by which secrets and workspaces of running tasks are encrypted. Without it one is "
        "made and kept beside the database file, which only its owner can read. With Neo4j it is required to run templates, since every "
        "process has to know it.",
    )
    requests: tuple[AllowedRequest, ...] = Field(
        default=(), description="What the action `http:backstage:request` may ask for; without any it is refused."
    )
    default_environment: Environment = Field(default=Environment(), description="Values that every template may use beside its parameters.")
