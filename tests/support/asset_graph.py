"""The asset graph as text, for the snapshot beside it; `python -m tests.support.asset_graph` writes it anew."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

SNAPSHOT = Path(__file__).with_name("asset_graph.txt")


def describe(definitions: dg.Definitions) -> str:
    """One block per asset: key, group, partitions; `<` what it is made from, `?` its checks, `!` blocking ones."""
    graph = definitions.resolve_asset_graph()
    blocks = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        months = "monthly" if node.partitions_def is not None else "whole"
        lines = [f"{key.to_user_string()}  [{node.group_name}, {months}]"]
        lines += [f"  < {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
        lines += sorted(
            f"  {'!' if graph.get_check_spec(check).blocking else '?'} {check.name}"
            for check in node.check_keys
        )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    from pipelines.orchestration.definitions import defs

    SNAPSHOT.write_text(describe(defs()), encoding="utf-8")
