"""What to tell whoever runs a warehouse into which nothing has been taken in yet: an audit could only say "empty"."""

from __future__ import annotations

from typing import Any

from pipelines.county import County
from pipelines.errors import WarehouseError, Words
from pipelines.landing import Misplaced, look
from pipelines.settings import Home
from pipelines.store import Store


class NothingTakenIn(WarehouseError):
    """There are no rows to compute figures from: nothing was delivered, or every file was refused."""


def require_deliveries(home: Home, county: County, store: Store) -> None:
    """Raises NothingTakenIn where no file was ever taken in; it says whether there were any, and where they belong."""
    if store.current_batches():
        return
    refused = [entry for entry in store.deliveries() if entry["outcome"].startswith("refused")]
    misplaced = look(home, county, store).misplaced
    raise NothingTakenIn(
        Words("所有文件都被退回，未发布", "Every file was refused: nothing was published")
        if refused
        else Words("还没有收到任何报送文件，未发布", "No file was delivered yet: nothing was published"),
        where=f"{home.landing}/<supplier>/<dataset>/<YYYY-MM>/",
        expected=_expected(county),
        found=_found(refused, misplaced),
        advice=_advice(county, refused),
    )


def _expected(county: County) -> Words:
    """One place of the county's own as an example."""
    first = county.expected[0]
    place = f"landing/{first.suppliers[0]}/{first.dataset}/{county.first_period}/"
    return Words(f"至少一个合格文件，例如放在 {place}", f"at least one sound file, for example in {place}")


def _found(refused: list[dict[str, Any]], misplaced: list[Misplaced]) -> Words:
    zh, en = [], []
    if refused:
        first = refused[0]
        zh.append(f"{len(refused)} 个文件被退回，其一 {first['file_name']}：{first['refusal_zh']}")
        en.append(f"{len(refused)} files refused, one of them {first['file_name']}: {first['refusal_en']}")
    if misplaced:
        first_place = misplaced[0]
        zh.append(f"{len(misplaced)} 个文件放错位置，其一 {first_place.where}：{first_place.why.zh}")
        en.append(f"{len(misplaced)} files misplaced, one of them {first_place.where}: {first_place.why.en}")
    return Words("；".join(zh) or "没有文件", "; ".join(en) or "no file")


def _advice(county: County, refused: list[dict[str, Any]]) -> Words:
    if refused:
        template = f"warehouse template {refused[0]['dataset']}"
        return Words(
            f"用 warehouse check 文件 查看每一处问题，按模板（{template}）改正后重新报送，再运行 warehouse run",
            f"see every finding with warehouse check FILE, mend the files by the template ({template}), then warehouse run",
        )
    template = f"warehouse template {county.expected[0].dataset}"
    return Words(
        f"用 {template} 生成空白模板，填好放入上述文件夹，再运行 warehouse run",
        f"get a blank file with {template}, put it filled in into the folder above, then warehouse run",
    )
