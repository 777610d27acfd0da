"""What passes between the child that runs dbt and the process that asks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import WarehouseError, Words

SETTINGS = "WAREHOUSE_"  # how the variables of the environment begin that decide what dbt does


@dataclass(frozen=True)
class Request:
    """One of the functions of `invoke`, for a data root, under the settings that hold for who asks."""

    function: str
    root: Path
    arguments: tuple[object, ...]
    settings: dict[str, str]


@dataclass(frozen=True)
class BuiltNode:
    """What became of one node of the dbt project. `status`: success, error, pass, warn, fail or skipped, as dbt says;
    `failures`: rows that a test found; `message`: what the engine said, without values."""

    unique_id: str
    status: str
    failures: int
    seconds: float
    message: str = ""

    @property
    def name(self) -> str:
        return self.unique_id.split(".")[2]


class BuildFailed(WarehouseError):
    """A model did not compile or run; the last edition stays."""

    def __init__(self, nodes: str) -> None:
        self.nodes = nodes
        super().__init__(
            Words("计算未完成", "The computation did not finish"),
            where="dbt",
            expected=Words("所有模型成功", "every model succeeds"),
            found=Words(nodes, nodes),
            advice=Words("查看 dbt 日志；已发布的版本未变", "see the dbt log; the published edition is unchanged"),
        )

    def __reduce__(self) -> tuple[type[BuildFailed], tuple[str]]:
        return BuildFailed, (self.nodes,)


def without_values(message: object) -> str:
    """The first lines of an engine's message without what stands in quotes: engines quote values."""
    first = str(message).strip().splitlines()[:3]
    return re.sub(r"'[^']*'", "'…'", " ".join(first))
