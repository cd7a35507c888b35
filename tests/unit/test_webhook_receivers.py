"""What the webhooks of each kind of host say, and who may say it. Payloads are those of the hosts' own documentation, shortened."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from graph.errors import InputError
from plugins.bitbucket_cloud.webhook import BitbucketCloudWebhook
from plugins.bitbucket_server.webhook import BitbucketServerWebhook
from plugins.contract import Touched, WebhookReceiver
from plugins.gitea.webhook import GiteaWebhook
from plugins.github.webhook import GitHubWebhook
from plugins.gitlab.webhook import GitLabWebhook
from tests.servers.github.description import webhook_examples

SECRET = "It's a Secret to Everybody"


def touched(receiver: WebhookReceiver, payload: object, **headers: str) -> list[tuple[object, ...]]:
    """Host, event, repository, revision, paths, former name and whether it was deleted, of each thing touched."""
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    found = receiver.touched(known, json.dumps(payload).encode())
    return [(t.host, t.event, t.repository, t.revision, t.paths, t.renamed_from, t.deleted) for t in found]


def github_push(**more: object) -> dict[str, Any]:
    commits = [{"added": ["new.yaml"], "modified": ["b.yaml"], "removed": []}, {"added": [], "modified": ["b.yaml"], "removed": ["a.yaml"]}]
    repository = {"full_name": "acme/shop", "html_url": "https://github.com/acme/shop"}
    return {"ref": "refs/heads/main", "commits": commits, "repository": repository, "forced": False, "created": False, **more}


def test_githubs_signature_is_the_one_of_its_documentation():
    body = b"Hello, World!"
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    receiver = GitHubWebhook()
    assert receiver.is_authentic({"x-hub-signature-256": signature}, body, SECRET)
    assert not receiver.is_authentic({"x-hub-signature-256": signature}, body + b" ", SECRET)
    assert not receiver.is_authentic({"x-hub-signature-256": signature}, body, SECRET + "!")
    assert not receiver.is_authentic({}, body, SECRET)


@pytest.mark.parametrize(
    ("receiver", "header", "prefix"),
    [
        (GiteaWebhook(), "x-gitea-signature", ""),
        (GiteaWebhook(), "x-forgejo-signature", ""),
        (BitbucketCloudWebhook(), "x-hub-signature", "sha256="),
        (BitbucketServerWebhook(), "x-hub-signature", "sha256="),
    ],
)
def test_a_signature_counts_with_the_secret_alone(receiver: WebhookReceiver, header: str, prefix: str):
    body = b'{"ref": "refs/heads/main"}'
    signature = prefix + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert receiver.is_authentic({header: signature}, body, SECRET)
    assert not receiver.is_authentic({header: signature}, body, "another")
    assert not receiver.is_authentic({header: signature.upper()}, body, SECRET)
    assert not receiver.is_authentic({header: "ü"}, body, SECRET)


def test_gitlab_sends_the_secret_itself():
    assert GitLabWebhook().is_authentic({"x-gitlab-token": SECRET}, b"", SECRET)
    assert not GitLabWebhook().is_authentic({"x-gitlab-token": SECRET[:-1]}, b"", SECRET)
    assert not GitLabWebhook().is_authentic({}, b"", SECRET)


def test_every_example_of_github_is_understood():
    relevant = {"push", "repository", "installation_repositories", "membership", "member", "organization", "team", "team_add"}
    examples = [(event, example) for event, listed in webhook_examples().items() for example in listed]
    found = [touched(GitHubWebhook(), example, x_github_event=event) for event, example in examples]
    names = [[str(each[1]).split(".")[0] for each in events] for events in found]
    assert names == [[event] if event in relevant else [] for event, _ in examples]
    assert {each[0] for events in found for each in events} == {"github.com"}
    assert sum(map(len, names)) == 46


def test_a_push_to_github_says_which_paths_it_touched_unless_it_can_not_know():
    whole = ("github.com", "push", "acme/shop", "main", ["a.yaml", "b.yaml", "new.yaml"], None, False)
    unknown = ("github.com", "push", "acme/shop", "main", None, None, False)
    for more, expected in (
        ({}, whole),
        ({"forced": True}, unknown),
        ({"created": True}, unknown),
        ({"deleted": True}, unknown),
        ({"commits": []}, unknown),
        ({"commits": [{"added": ["x"]}] * 2048}, unknown),
    ):
        assert touched(GitHubWebhook(), github_push(**more), x_github_event="push") == [expected]


def test_a_push_may_come_as_a_form_and_keeps_no_commits():
    body = b"payload=" + json.dumps(github_push()).replace("&", "%26").encode()
    headers = {"x-github-event": "push", "content-type": "application/x-www-form-urlencoded"}
    found: Touched = GitHubWebhook().touched(headers, body)[0]
    assert (found.revision, sorted(found.payload)) == ("main", ["forced", "ref", "repository"])


def test_a_renamed_and_a_transferred_repository_of_github_name_what_they_were():
    examples = {example["action"]: example for example in webhook_examples()["repository"]}
    renamed = touched(GitHubWebhook(), examples["renamed"], x_github_event="repository")
    moved = touched(GitHubWebhook(), examples["transferred"], x_github_event="repository")
    assert renamed[0][5] == f"{renamed[0][2].split('/')[0]}/Hello-World"  # pyright: ignore[reportAttributeAccessIssue]
    assert moved[0][5] == f"octocat/{moved[0][2].split('/')[1]}"  # pyright: ignore[reportAttributeAccessIssue]


def test_the_host_of_an_organisations_event_is_that_of_its_enterprise():
    example = webhook_examples()["team"][0]
    assert touched(GitHubWebhook(), example, x_github_event="team", x_github_enterprise_host="Git.Example")[0][0] in {
        "git.example",
        "github.com",
    }


GITLAB_PUSH = {
    "object_kind": "push",
    "event_name": "push",
    "ref": "refs/heads/master",
    "project": {"path_with_namespace": "mike/diaspora", "web_url": "http://example.com/mike/diaspora", "default_branch": "master"},
    "commits": [{"added": ["CHANGELOG"], "modified": ["app/controller/application.rb"], "removed": []}],
    "total_commits_count": 1,
}
GITLAB_RENAMED = {
    "event_name": "project_rename",
    "path_with_namespace": "jsmith/underscore",
    "old_path_with_namespace": "jsmith/overscore",
}
GITEA_PUSH = {
    "ref": "refs/heads/develop",
    "commits": [{"added": ["a"], "removed": [], "modified": []}],
    "repository": {"full_name": "gitea/webhooks", "html_url": "http://localhost:3000/gitea/webhooks"},
}
CLOUD_REPOSITORY = {"full_name": "team/repo", "links": {"html": {"href": "https://bitbucket.org/team/repo"}}}
CLOUD_PUSH = {
    "repository": CLOUD_REPOSITORY,
    "push": {"changes": [{"new": {"type": "branch", "name": "main"}, "old": None}, {"new": None, "old": {"type": "tag", "name": "v1"}}]},
}
SERVER_REPOSITORY = {"slug": "repository", "name": "repository", "project": {"key": "PROJECT_1", "name": "Project 1"}}
SERVER_PUSH = {
    "eventKey": "repo:refs_changed",
    "repository": SERVER_REPOSITORY,
    "changes": [{"ref": {"id": "refs/heads/master", "displayId": "master"}}],
}


@pytest.mark.parametrize(
    ("receiver", "payload", "headers", "expected"),
    [
        (GitLabWebhook(), GITLAB_PUSH, {}, ("example.com", "push", "mike/diaspora", "master", None, None, False)),
        (GitLabWebhook(), {**GITLAB_PUSH, "object_kind": "issue"}, {}, None),
        (
            GitLabWebhook(),
            GITLAB_RENAMED,
            {"x_gitlab_instance": "https://git.example"},
            ("git.example", "repository.renamed", "jsmith/underscore", None, None, "jsmith/overscore", False),
        ),
        (
            GitLabWebhook("git.example"),
            {"event_name": "project_destroy", "path_with_namespace": "jsmith/underscore"},
            {},
            ("git.example", "repository.deleted", "jsmith/underscore", None, None, None, True),
        ),
        (GitLabWebhook(), {"event_name": "user_add_to_group"}, {}, ("gitlab.com", "user_add_to_group", None, None, None, None, False)),
        (GiteaWebhook(), GITEA_PUSH, {"x_gitea_event": "push"}, ("localhost:3000", "push", "gitea/webhooks", "develop", None, None, False)),
        (
            GiteaWebhook(),
            {**GITEA_PUSH, "action": "deleted"},
            {"x_forgejo_event": "repository"},
            ("localhost:3000", "repository.deleted", "gitea/webhooks", None, None, None, True),
        ),
        (GiteaWebhook(), {}, {"x_gitea_event": "issues"}, None),
        (
            BitbucketCloudWebhook(),
            {"repository": CLOUD_REPOSITORY, "changes": {"full_name": {"old": "team/was", "new": "team/repo"}}},
            {"x_event_key": "repo:updated"},
            ("bitbucket.org", "repository.renamed", "team/repo", None, None, "team/was", False),
        ),
        (BitbucketCloudWebhook(), {}, {"x_event_key": "issue:created"}, None),
        (
            BitbucketServerWebhook("git.example"),
            SERVER_PUSH,
            {"x_event_key": "repo:refs_changed"},
            ("git.example", "push", "PROJECT_1/repository", "master", None, None, False),
        ),
        (
            BitbucketServerWebhook("git.example"),
            {"old": SERVER_REPOSITORY, "new": {**SERVER_REPOSITORY, "slug": "renamed"}},
            {"x_event_key": "repo:modified"},
            ("git.example", "repository.renamed", "PROJECT_1/renamed", None, None, "PROJECT_1/repository", False),
        ),
        (BitbucketServerWebhook(), {}, {"x_event_key": "diagnostics:ping"}, None),
    ],
)
def test_an_event_is_understood(
    receiver: WebhookReceiver, payload: Mapping[str, Any], headers: Mapping[str, str], expected: tuple[object, ...] | None
):
    assert touched(receiver, payload, **headers) == ([expected] if expected else [])


def test_a_push_to_bitbucket_names_every_branch_and_tag():
    found = touched(BitbucketCloudWebhook(), CLOUD_PUSH, x_event_key="repo:push")
    assert [each[1:4] for each in found] == [("push", "team/repo", "main"), ("push", "team/repo", "v1")]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"ref": 1}', b'{"repository": {"full_name": []}}', b'{"commits": "all"}'])
def test_a_body_that_is_no_event_is_refused_with_what_to_do(body: bytes):
    for receiver, headers in (
        (GitHubWebhook(), {"x-github-event": "push"}),
        (GitHubWebhook(), {"x-github-event": "repository", "content-type": "application/x-www-form-urlencoded"}),
        (GiteaWebhook(), {"x-gitea-event": "push"}),
        (BitbucketCloudWebhook(), {"x-event-key": "repo:push"}),
        (BitbucketServerWebhook(), {"x-event-key": "repo:modified"}),
    ):
        with pytest.raises(InputError, match=r"send|have the host"):
            receiver.touched(headers, body)
