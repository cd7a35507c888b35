"""Every root package stands under the import contract, the type checker and in the wheel."""

import subprocess
import sys

from tests.house.tracked import ROOT, project, root_packages

CONTRACT = project()["tool"]["importlinter"]


def test_every_root_package_is_under_the_import_contract():
    assert set(CONTRACT["root_packages"]) == root_packages()
    assert [set(contract["layers"]) for contract in CONTRACT["contracts"] if contract["type"] == "layers"] == [root_packages()]


def test_every_root_package_is_checked_by_type():
    assert set(project()["tool"]["basedpyright"]["include"]) == root_packages()


def test_every_root_package_is_in_the_wheel():
    assert set(project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == root_packages()


def test_layers_are_in_the_order_of_the_design():
    assert CONTRACT["contracts"][0]["layers"] == ["cli", "api", "workers", "ingest", "callboard", "plugins", "graph", "config", "queries"]


def test_every_folder_with_python_in_it_is_a_package():
    folders = {path.parent for name in root_packages() for path in (ROOT / name).rglob("*.py")}
    assert {str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").is_file()} == set()


def test_processes_that_read_start_without_the_model_of_the_configuration():
    code = "import sys, ingest.reading_process; print(sorted({'config', 'pydantic'} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
