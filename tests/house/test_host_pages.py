"""The pages on hosts of repositories show configurations that can be used as they are."""

import re
from pathlib import Path

import pytest
import yaml

from config import Config
from config.integrations import Integrations
from tests.house.tracked import ROOT

PAGES = sorted((ROOT / "docs" / "hosts").glob("*.md"))
EXAMPLE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def configured(page: Path) -> list[Config]:
    return [Config.model_validate(yaml.safe_load(example)) for example in EXAMPLE.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_can_be_used(page: Path):
    examples = configured(page)
    assert len(examples) == 1
    assert sum(1 for _ in examples[0].integrations.all) >= 1


def test_each_kind_of_host_with_discovery_has_its_page():
    shown = {
        name for page in PAGES for example in configured(page) for name in Integrations.model_fields if getattr(example.integrations, name)
    }
    assert shown == set(Integrations.model_fields) - {"github", "git"}
