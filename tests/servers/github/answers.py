"""What the emulator answers: GitHub's own examples, with what the emulator knows written into them."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.servers.github.description import description
from tests.servers.github.hub import Hub, Organisation, Person, Repository, Team
from tests.servers.github.repositories import TreeEntry


def repository(hub: Hub, of: Repository, *, full: bool = False) -> dict[str, Any]:
    """A repository: in lists minimal, alone in full."""
    example = description().example("/repos/{owner}/{repo}") if full else description().example("/orgs/{org}/repos")[0]
    parent = example.pop("parent", {})
    for left_out in ("source", "template_repository"):
        example.pop(left_out, None)
    if full and of.parent:
        owner, _, name = of.parent.partition("/")
        example["parent"] = parent | {"full_name": of.parent, "name": name, "owner": parent["owner"] | {"login": owner}}
    example |= _urls(example, f"{hub.api_url}/repos/{of.full_name}", "https://api.github.com/repos/octocat/Hello-World")
    return example | {
        "id": of.id,
        "node_id": f"R_{of.id}",
        "name": of.name,
        "full_name": of.full_name,
        "owner": example["owner"] | {"login": of.owner, "type": "Organization" if of.owner in hub.organisations else "User"},
        "private": of.private,
        "visibility": "private" if of.private else "public",
        "archived": of.archived,
        "disabled": False,
        "fork": of.fork,
        "language": None,
        "topics": list(of.topics),
        "default_branch": of.git.default_branch,
        "html_url": f"{hub.url}/{of.full_name}",
        "clone_url": hub.clone_url(of.full_name),
        "description": f"The repository {of.name}",
        "created_at": datetime.fromtimestamp(of.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "pushed_at": f"2026-01-01T00:{of.git.commits // 60 % 60:02}:{of.git.commits % 60:02}Z",
    }


def commit(hub: Hub, of: Repository, sha: str) -> dict[str, Any]:
    """A commit, without its files."""
    example = description().example("/repos/{owner}/{repo}/commits/{ref}")
    example.pop("files", None)
    example |= _urls(example, f"{hub.api_url}/repos/{of.full_name}", "https://api.github.com/repos/octocat/Hello-World")
    return example | {"sha": sha, "html_url": f"{hub.url}/{of.full_name}/commit/{sha}"}


def branch(hub: Hub, of: Repository, name: str, sha: str) -> dict[str, Any]:
    """A branch with its protection."""
    example = description().example("/repos/{owner}/{repo}/branches/{branch}")
    inner = example["commit"] | {"sha": sha}
    return example | {"name": name, "commit": inner}


def reference(hub: Hub, of: Repository, name: str, sha: str) -> dict[str, Any]:
    """A git ref."""
    at = f"{hub.api_url}/repos/{of.full_name}/git"
    return {
        "ref": f"refs/{name}",
        "node_id": f"REF_{sha}",
        "url": f"{at}/refs/{name}",
        "object": {"type": "commit", "sha": sha, "url": f"{at}/commits/{sha}"},
    }


def tree(hub: Hub, of: Repository, sha: str, entries: Sequence[TreeEntry], *, truncated: bool) -> dict[str, Any]:
    """A listing of a tree."""
    at = f"{hub.api_url}/repos/{of.full_name}/git"
    listed = [
        {"path": each.path, "mode": each.mode, "type": each.type, "sha": each.sha, "url": f"{at}/{each.type}s/{each.sha}"}
        | ({} if each.size is None else {"size": each.size})
        for each in entries
    ]
    return {"sha": sha, "url": f"{at}/trees/{sha}", "tree": listed, "truncated": truncated}


def content(hub: Hub, of: Repository, entry: TreeEntry, data: bytes | None) -> dict[str, Any]:
    """A file with its content in base64, or without `data` an entry of a folder's listing."""
    at = f"{hub.api_url}/repos/{of.full_name}"
    links = {
        "self": f"{at}/contents/{entry.path}",
        "git": f"{at}/git/blobs/{entry.sha}",
        "html": f"{hub.url}/{of.full_name}/blob/main/{entry.path}",
    }
    known = {
        "type": "dir" if entry.type == "tree" else "file",
        "size": entry.size or 0,
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "url": links["self"],
        "git_url": links["git"],
        "html_url": links["html"],
        "download_url": None if entry.type == "tree" else f"{hub.url}/raw/{of.full_name}/main/{entry.path}",
        "_links": links,
    }
    return known if data is None else known | {"encoding": "base64", "content": base64.encodebytes(data).decode()}


def member(hub: Hub, of: Person) -> dict[str, Any]:
    """A user as lists show it: without name and address."""
    example = description().example("/orgs/{org}/members")[0]
    return example | {
        "login": of.login,
        "id": of.id,
        "node_id": f"U_{of.id}",
        "html_url": f"{hub.url}/{of.login}",
        "url": f"{hub.api_url}/users/{of.login}",
    }


def person(hub: Hub, of: Person) -> dict[str, Any]:
    """A user in full."""
    example = description().example("/users/{username}")
    at = {"html_url": f"{hub.url}/{of.login}", "url": f"{hub.api_url}/users/{of.login}"}
    return example | at | {"login": of.login, "id": of.id, "node_id": f"U_{of.id}", "name": of.name, "email": of.email}


def account(hub: Hub, of: Organisation) -> dict[str, Any]:
    """An organisation as a user's page has it."""
    at = {"html_url": f"{hub.url}/{of.login}", "url": f"{hub.api_url}/users/{of.login}", "type": "Organization"}
    return description().example("/users/{username}") | at | {"login": of.login, "id": of.id, "node_id": f"O_{of.id}"}


def organisation(hub: Hub, of: Organisation) -> dict[str, Any]:
    """An organisation in full."""
    example = description().example("/orgs/{org}")
    at = {"html_url": f"{hub.url}/{of.login}", "url": f"{hub.api_url}/orgs/{of.login}"}
    return example | at | {"login": of.login, "id": of.id, "node_id": f"O_{of.id}", "name": of.login.title(), "archived_at": None}


def team(hub: Hub, of: Organisation, one: Team) -> dict[str, Any]:
    """A team with its parent."""
    parent = of.teams[one.parent] if one.parent else None
    return _team(hub, of, one) | {"parent": _team(hub, of, parent) if parent else None}


def team_in_full(hub: Hub, of: Organisation, one: Team) -> dict[str, Any]:
    """A team with its parent and its organisation."""
    example = description().example("/orgs/{org}/teams/{team_slug}") | team(hub, of, one)
    return example | {"organization": example["organization"] | {"login": of.login, "archived_at": None}}


def _team(hub: Hub, of: Organisation, one: Team) -> dict[str, Any]:
    example = description().example("/orgs/{org}/teams")[0]
    example.pop("parent", None)
    return example | {
        "id": one.id,
        "node_id": f"T_{one.id}",
        "slug": one.slug,
        "name": one.name,
        "description": one.description,
        "type": "organization",
        "organization_id": of.id,
        "url": f"{hub.api_url}/organizations/{of.id}/team/{one.id}",
        "html_url": f"{hub.url}/orgs/{of.login}/teams/{one.slug}",
        "members_url": f"{hub.api_url}/organizations/{of.id}/team/{one.id}/members{{/member}}",
        "repositories_url": f"{hub.api_url}/organizations/{of.id}/team/{one.id}/repos",
    }


def installation(hub: Hub, app_id: int, account: str, number: int) -> dict[str, Any]:
    """An installation of an app at an account."""
    example = description().example("/orgs/{org}/installation")
    # The description asks that it be user and enterprise in one, where the list of installations is concerned.
    enterprise = {"name": account, "slug": account, "created_at": example["created_at"], "updated_at": example["updated_at"]}
    who = description().example("/orgs/{org}/members")[0] | {"login": account, "type": "Organization"} | enterprise
    return example | {
        "id": number,
        "app_id": app_id,
        "account": who,
        "access_tokens_url": f"{hub.api_url}/app/installations/{number}/access_tokens",
        "target_type": "Organization",
        "suspended_at": None,
        "suspended_by": None,
    }


def _urls(example: dict[str, Any], at: str, instead_of: str) -> dict[str, Any]:
    """The example's addresses, those of the API moved to this one."""
    texts = {key: value for key, value in example.items() if isinstance(value, str) and key.endswith("url")}
    return {key: value.replace(instead_of, at) for key, value in texts.items()}
