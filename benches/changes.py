"""Changes to the files of a generated catalog, as people make them between two reads."""

from pathlib import Path


def change(root: Path, every: int, value: str) -> int:
    """Give each document of every so manieth file a `spec.bench` of this value; how many documents that were."""
    documents = 0
    for path in sorted(root.parent.rglob("catalog-info.yaml"))[::every]:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("  bench: ")]
        changed: list[str] = []
        for line in lines:
            changed.append(line)
            if line == "spec:":
                changed.append(f"  bench: {value}")
                documents += 1
        path.write_text("\n".join(changed) + "\n")
    return documents
