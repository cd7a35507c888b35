"""The configuration that the page on security shows can be read, and sets what the page says."""

import re
from pathlib import Path

from config.load import load

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
SIGN_IN = """
auth:
  providers:
    oidc:
      production:
        metadataUrl: https://id.example.com
        clientId: callboard
        clientSecret: not-a-secret
        signIn: { resolvers: [{ resolver: emailMatchingUserEntityProfileEmail }] }
  environment: production
"""


def test_the_configuration_for_a_network_can_be_read(tmp_path: Path):
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    (tmp_path / "app-config.yaml").write_text(example[1] + SIGN_IN)
    config = load([tmp_path / "app-config.yaml"], {})
    assert config.backend.cors is not None
    assert config.backend.cors.origin == ("https://portal.example.com",)
    assert config.backend.trust_proxy == ("10.0.0.0/8",)
    assert (config.graphql.introspection, config.graphql.graphiql) == (False, False)
