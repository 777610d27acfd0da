"""The commands `warehouse backup …` and `warehouse restore`. Belongs here: options and how results look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli_options import Json, progress
from pipelines.settings import Home
from pipelines.terminal import console, damages_json, lines, print_damages, print_json, quiet_table

if TYPE_CHECKING:
    from pipelines.backup_folder import Backup

app = typer.Typer(no_args_is_help=True, help="备份：制作、清单、核对、演练 / backups: make, list, verify, try out.")
restore_app = typer.Typer()

FOLDER, KEYS = "WAREHOUSE_BACKUPS", "WAREHOUSE_BACKUP_KEYS"
To = Annotated[
    Path, typer.Option(envvar=FOLDER, help="放备份的文件夹，应在另一块磁盘上 / folder of backups, best on another disk", file_okay=False)
]
In = Annotated[
    Path, typer.Argument(envvar=FOLDER, help="放备份的文件夹 / folder of backups", exists=True, file_okay=False)
]
One = Annotated[
    Path,
    typer.Argument(
        envvar=FOLDER, help="一个备份，或放备份的文件夹（取最新的） / a backup, or the folder of backups for the newest",
        exists=True, file_okay=False,
    ),
]  # fmt: skip
Keys = Annotated[
    Path | None,
    typer.Option(envvar=KEYS, help="密钥与备份分开存放的文件夹 / folder in which keys are kept apart from backups", file_okay=False),
]


@app.command(epilog="例 / example:  warehouse backup create --to /srv/backups --keys /media/keys --keep 14")
def create(
    to: To,
    keys: Keys = None,
    keep: Annotated[int | None, typer.Option(min=1, help="完成后只保留最新几个备份 / how many complete backups stay")] = None,
    as_json: Json = False,
) -> None:
    """备份操作库、批次、版本、配置与密钥，运行和查看不受影响 / back up store, batches, editions, settings and keys, while runs go on."""
    from pipelines.backup import create as create_backup

    with progress() as on_progress:
        made = create_backup(Home.from_environment(), to, keys=keys, keep=keep, on_progress=on_progress)
    if as_json:
        print_json({**_described(made.backup), "new_bytes": made.new_bytes, "removed": made.removed})
        return
    manifest = made.backup.manifest
    lines(
        f"[green]✓[/] {escape(str(made.backup.folder))}",
        f"文件 files {len(manifest.files):,} · {_size(manifest.size)}，新增 of these new {_size(made.new_bytes)}",
        *([f"删除较早备份 older backups removed {len(made.removed)}"] if made.removed else []),
    )
    _tell_of_key(made.backup)


@app.command("list", epilog="例 / example:  warehouse backup list /srv/backups")
def list_(folder: In, as_json: Json = False) -> None:
    """全部完整的备份 / every complete backup."""
    from pipelines.backup_folder import backups_in

    backups = backups_in(folder)
    if as_json:
        print_json({"backups": [_described(backup) for backup in backups]})
        return
    table = quiet_table(["备份\nbackup", "县\ncounty", "密钥\nkey"], ["台账条目\nledger entries", "文件\nfiles", "大小\nsize"])
    for backup in backups:
        manifest = backup.manifest
        table.add_row(
            escape(backup.name), escape(f"{manifest.county_name} {manifest.county_code}"), _where_key(backup),
            f"{manifest.marks.ledger_entries:,}", f"{len(manifest.files):,}", _size(manifest.size),
        )  # fmt: skip
    console.print(table)


@app.command(epilog="例 / example:  warehouse backup verify /srv/backups")
def verify(backup: One, keys: Keys = None, as_json: Json = False) -> None:
    """核对备份的每个文件、台账、版本与密钥 / compare every file, the ledger, editions and the key of a backup with their hashes."""
    from pipelines.backup_folder import BackupDamaged, find_backup
    from pipelines.restore import verify_backup

    try:
        found = find_backup(backup)
        with progress() as on_progress:
            verified = verify_backup(found, keys, on_progress)
        damages, described = verified.damages, {**_described(found), "is_key_verified": verified.is_key_verified}
    except BackupDamaged as error:  # its manifest, without which nothing more can be said
        damages, described = error.damages, {"name": error.where}
    if as_json:
        print_json({**described, "damages": damages_json(damages)})
    else:
        lines(escape(str(described["name"])))
        print_damages(damages)
        if not described.get("is_key_verified", True):
            lines("[yellow]?[/] 密钥另存，未核对：用 --keys 指明 / the key is kept apart and was not verified: name it by --keys")
    if damages:
        raise typer.Exit(1)


@app.command(epilog="例 / example:  warehouse backup drill /srv/backups --keys /media/keys")
def drill(
    backup: One,
    keys: Keys = None,
    within: Annotated[
        Path | None, typer.Option(help="在此文件夹内演练，缺省为临时文件夹 / where to restore to, default where temporary files go", exists=True)
    ] = None,
    as_json: Json = False,
) -> None:
    """演练：恢复到临时文件夹、核对、计时、删除 / restore into a temporary folder, verify, take the time, remove it."""
    from pipelines.backup_folder import find_backup
    from pipelines.restore import drill as try_out

    with progress() as on_progress:
        tried = try_out(find_backup(backup), within, keys=keys, on_progress=on_progress)
    if as_json:
        print_json({**_described(tried.backup), "seconds": tried.seconds, "damages": damages_json(tried.damages)})
    else:
        lines(
            f"{escape(tried.backup.name)} · {_size(tried.backup.manifest.size)} · 恢复用时 restored in {tried.seconds:.1f} s",
            f"台账 ledger {tried.backup.manifest.marks.ledger_hash[:16]}… · 版本 edition {tried.backup.manifest.marks.edition_id or '—'}",
        )
        print_damages(tried.damages)
    if tried.damages:
        raise typer.Exit(1)


@restore_app.command(epilog="例 / example:  warehouse restore /srv/backups --into /srv/warehouse/110101 --keys /media/keys")
def restore(
    backup: One,
    into: Annotated[Path, typer.Option(help="空的数据根目录 / data root, empty or not there", file_okay=False)],
    keys: Keys = None,
    as_json: Json = False,
) -> None:
    """从备份恢复到空的数据根目录（操作库进入 WAREHOUSE_STORE，如已设） / restore a backup into an empty data root (the store into WAREHOUSE_STORE where that is set)."""
    from pipelines.backup_folder import find_backup
    from pipelines.restore import restore as restore_backup

    home = Home(into.resolve())
    with progress() as on_progress:
        found = find_backup(backup)
        restore_backup(found, home, keys=keys, store_url=home.store_url, on_progress=on_progress)
    if as_json:
        print_json({**_described(found), "home": str(home.root)})
        return
    lines(
        f"[green]✓[/] {escape(found.name)} → {escape(str(home.root))}",
        f"下一步 next: WAREHOUSE_HOME={escape(str(home.root))} warehouse verify && warehouse run",
        "备份之后报送的文件请重新放入 landing / deliver again into landing what came after the backup",
    )


def _described(backup: Backup) -> dict[str, Any]:
    manifest = backup.manifest
    return {
        "name": backup.name, "folder": str(backup.folder), "made_at": manifest.made_at.isoformat(),
        "county_code": manifest.county_code, "edition_id": manifest.marks.edition_id,
        "ledger_entries": manifest.marks.ledger_entries, "ledger_hash": manifest.marks.ledger_hash,
        "schema_revision": manifest.schema_revision, "key_id": manifest.key.id if manifest.key else None,
        "is_key_apart": bool(manifest.key and manifest.key.is_apart),
        "files": len(manifest.files), "bytes": manifest.size,
    }  # fmt: skip


def _where_key(backup: Backup) -> str:
    key = backup.manifest.key
    return "—" if key is None else "另存 apart" if key.is_apart else "在内 inside"


def _tell_of_key(backup: Backup) -> None:
    key = backup.manifest.key
    if key is None:
        return
    if key.is_apart:
        lines(f"密钥另存 key kept apart: {key.id}")
    else:
        lines(
            "[yellow]?[/] 化名密钥在备份之内（权限 600）：与数据放在一处，得到备份者可还原化名；可用 --keys 另存",
            "  the pseudonym key lies in the backup (mode 600), beside the data: whoever gets it can guess pseudonyms; --keys keeps it apart",
        )


def _size(count: int) -> str:
    """Bytes as people say them."""
    size, units = float(count), iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while size >= 1024 and unit != "GiB":
        size, unit = size / 1024, next(units)
    return f"{size:,.1f} {unit}" if unit != "B" else f"{count} B"
