"""Where the texts of search documents stem from, so that whoever does not see a field does not find by it either."""

from collections.abc import Mapping

from plugins.contract import TextField

WELL_KNOWN_ANNOTATIONS = (
    "backstage.io/source-location",
    "github.com/project-slug",
    "github.com/team-slug",
    "github.com/user-login",
    "gitlab.com/project-slug",
    "gitlab.com/group-slug",
    "bitbucket.org/repo-url",
    "dev.azure.com/project-repo",
    "dev.azure.com/project",
    "gitea.com/project-slug",
    "jenkins.io/job-full-name",
    "sonarqube.org/project-key",
    "sentry.io/project-slug",
    "pagerduty.com/service-id",
    "backstage.io/kubernetes-id",
)
"""The annotations by whose values an entity is found, in lower case."""

REFERENCE_FIELDS = ("owner", "system", "domain", "subcomponentOf", "subdomainOf", "parent", "memberOf")
"""The fields of `spec` whose references REFERENCES names."""

DETAIL_FIELDS = (("type",), ("lifecycle",), ("profile", "displayName"), ("profile", "email"), ("target",), ("targets",))
"""The fields of `spec`, by their keys, that DETAILS holds."""

ENTITY_PATHS: Mapping[TextField, tuple[str, ...]] = {
    TextField.NAME: ("metadata.name",),
    TextField.TITLE: ("metadata.title", "spec.profile.displayname"),
    TextField.TAGS: ("metadata.tags",),
    TextField.REFERENCES: tuple(f"spec.{name}".lower() for name in REFERENCE_FIELDS),
    TextField.DESCRIPTION: ("metadata.description",),
    TextField.DETAILS: (
        "kind",
        "metadata.namespace",
        "metadata.labels",
        "metadata.links",
        *(f"metadata.annotations.{name}" for name in WELL_KNOWN_ANNOTATIONS),
        *(f"spec.{'.'.join(keys)}".lower() for keys in DETAIL_FIELDS),
    ),
    TextField.PARAMETERS: ("spec.parameters",),
    TextField.STEPS: ("spec.steps",),
    TextField.BODY: (),
}
"""For each text of an entity's own document, the paths (lower case) that it tells of: a redaction of one, or of what is below or above it,
takes out the whole text."""

FACET_PATHS: Mapping[str, str] = {
    "kind": "kind",
    "type": "spec.type",
    "owner": "spec.owner",
    "lifecycle": "spec.lifecycle",
    "tag": "metadata.tags",
    "namespace": "metadata.namespace",
}
"""For each facet but `documentType`, the path that its values tell of."""

TYPE_PATHS: Mapping[str, tuple[str, ...]] = {
    "definition": ("spec.definition",),
    "section": ("metadata.annotations.backstage.io/techdocs-ref", "metadata.annotations.backstage.io/techdocs-entity"),
}
"""For each further type of document, the paths that all of its texts tell of: a redaction of one hides such documents altogether."""
