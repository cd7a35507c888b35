"""The receivers of webhooks that the configuration lets in, each with the secrets that its senders may know."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from config import Config
from config.webhooks import IncomingWebhook
from plugins.bitbucket_cloud.webhook import BitbucketCloudWebhook
from plugins.bitbucket_server.webhook import BitbucketServerWebhook
from plugins.contract import Touched, WebhookReceiver
from plugins.gitea.webhook import GiteaWebhook
from plugins.github.webhook import GitHubWebhook
from plugins.gitlab.webhook import GitLabWebhook


@dataclass(frozen=True, slots=True)
class Reception:
    """One kind of host whose webhooks are taken."""

    receiver: WebhookReceiver
    secrets: Sequence[SecretStr]

    def is_authentic(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the sender knows one of the secrets."""
        known = [self.receiver.is_authentic(headers, body, secret.get_secret_value()) for secret in self.secrets]
        return any(known)

    def touched(self, headers: Mapping[str, str], body: bytes) -> Sequence[Touched]:
        """What the event touched. InputError if the body is no event of this kind of host."""
        return self.receiver.touched(headers, body)


def receptions_from(config: Config) -> Mapping[str, Reception]:
    """What is taken at /webhooks/<name>, by name: the kinds of hosts that have a secret configured."""
    webhooks, integrations = config.catalog.webhooks, config.integrations
    apps = [app.webhook_secret for integration in integrations.github for app in integration.apps if app.webhook_secret]
    gitlab = next((integration.host for integration in integrations.gitlab), "gitlab.com")
    server = next((integration.host for integration in integrations.bitbucket_server), "")
    known: Sequence[tuple[WebhookReceiver, Sequence[SecretStr]]] = (
        (GitHubWebhook(), [*_secrets(webhooks.github), *apps]),
        (GitLabWebhook(gitlab), [*_secrets(webhooks.gitlab)]),
        (GiteaWebhook(), [*_secrets(webhooks.gitea)]),
        (BitbucketCloudWebhook(), [*_secrets(webhooks.bitbucket_cloud)]),
        (BitbucketServerWebhook(server), [*_secrets(webhooks.bitbucket_server)]),
    )
    return {receiver.name: Reception(receiver, secrets) for receiver, secrets in known if secrets}


def _secrets(webhook: IncomingWebhook | None) -> Iterator[SecretStr]:
    if webhook:
        yield webhook.secret
