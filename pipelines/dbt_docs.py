"""The documentation of the dbt project as one page that needs no network: models, columns, tests, lineage, SQL.

Belongs here: having dbt write it, and taking away what would look outside. It describes the project as it was parsed in
this data root; its catalogue is that of the published edition, so that it names tables and columns and holds no row.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from pipelines.dbt_process import document
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home

TRACKER = "//d1fc8wv8zag5ca.cloudfront.net/2.9.0/sp.js"  # which dbt's page would load where it is hosted
# Whatever the page contains, a browser loads nothing for it.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:"


def dbt_page(home: Home) -> bytes:
    """The page. WarehouseError where nothing was published or the project was never parsed in this data root."""
    for needed in (home.pointer, home.manifest):
        if not needed.exists():
            raise WarehouseError(
                Words("还不能生成 dbt 文档", "The documentation of dbt cannot be written yet"),
                where=needed.name,
                expected=Words("至少成功运行一次", "one successful run in this data root"),
                found=Words("文件不存在", "no such file"),
                advice=Words("运行 warehouse publish", "run: warehouse publish"),
            )
    with tempfile.TemporaryDirectory(prefix="dbt-docs-") as folder:
        target = Path(folder)
        manifest = json.loads(home.manifest.read_text(encoding="utf-8"))
        (target / "manifest.json").write_text(json.dumps(without_places(manifest)), encoding="utf-8")
        document(home, target)
        return sealed((target / "static_index.html").read_text(encoding="utf-8")).encode("utf-8")


def without_places(manifest: dict[str, object]) -> dict[str, object]:
    """The same without the folders of this machine, which seeds are noted with."""
    nodes = manifest["nodes"]
    assert isinstance(nodes, dict)
    return {
        **manifest,
        "nodes": {name: {**node, "root_path": None} if "root_path" in node else node for name, node in nodes.items()},
    }


def sealed(page: str) -> str:
    """The page with a policy that lets a browser load nothing, and without the address of dbt's tracker."""
    head = "<head>"
    if head not in page:
        raise ValueError("dbt's page has another form than expected: it has no <head>")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return page.replace(TRACKER, "").replace(head, head + policy, 1)
