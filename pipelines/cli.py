"""The command `warehouse`. Belongs here: options, progress, tables, exit codes. Everything else is called."""

from __future__ import annotations

import atexit
import os
import re
import sys
import traceback
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines import (
    cli_alerts,
    cli_backup,
    cli_documents,
    cli_editions,
    cli_follow_up,
    cli_objections,
    cli_steward,
    cli_users,
    cli_work,
)
from pipelines.cli_options import Json, parsed, progress
from pipelines.errors import WarehouseError
from pipelines.settings import REPO, Home, local_time, month_name, month_start
from pipelines.terminal import (
    SAMPLE_MARK,
    checked_json,
    console,
    damages_json,
    errors,
    mark_sample,
    print_checked,
    print_damages,
    print_files,
    print_json,
    print_measurements,
    print_report,
    print_settled,
    report_json,
)

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", add_completion=False, pretty_exceptions_enable=False,
    help="社区治理指标数据仓库：报送文件进，指标、目标与差距出。\n\nGovernance metrics: extracts in, judged KPIs out.",
)  # fmt: skip

app.add_typer(cli_alerts.app, name="alerts")
app.add_typer(cli_editions.app, name="editions")
app.add_typer(cli_follow_up.app, name="follow-up")
app.add_typer(cli_objections.app, name="objections")
app.add_typer(cli_work.app, name="steward")
app.add_typer(cli_users.app, name="users")
app.add_typer(cli_users.audit_app, name="audit")
app.add_typer(cli_backup.app, name="backup")
app.add_typer(cli_backup.restore_app)
app.add_typer(cli_documents.app)
app.add_typer(cli_steward.app)

AsOf = Annotated[
    str | None, typer.Option(help="判定日期 YYYY-MM-DD，缺省为今天 / day at which periods are judged, default today")
]


def _county_code(code: str) -> str:
    if not re.fullmatch(r"[0-9]{6}", code):
        raise typer.BadParameter(f"{code!r}: 六位数字 / six digits")
    return code


def _month(name: str | None) -> str | None:
    return None if name is None else month_name(parsed(month_start, name, "YYYY-MM"))


def _people(number: int | None) -> int | None:
    from pipelines.sample.generate import FEWEST_PEOPLE

    if number is not None and number < FEWEST_PEOPLE:
        raise typer.BadParameter(f"{number:,}: 不少于 {FEWEST_PEOPLE:,} 人 / no fewer than {FEWEST_PEOPLE:,} people")
    return number


CountyCode = Annotated[str, typer.Option(callback=_county_code, help="六位县级代码 / six-digit county code")]
Register = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="区划代码文件（本产品未附该县时） / division register, for a county not shipped"),
]


def main() -> None:
    """Runs a command; a problem that a person can mend is told in both languages, with exit code 1."""
    try:
        app()
        code = 0
    except WarehouseError as error:
        errors.print(f"[bold red]✗[/] {error.zh}\n  {error.en}", highlight=False, soft_wrap=True)
        code = 1
    except Exception as error:  # noqa: BLE001
        # The type and place alone: an engine's message may quote a value.
        errors.print(f"[bold red]✗[/] {_place_of(error)}", highlight=False, soft_wrap=True)
        if os.environ.get("WAREHOUSE_TRACE"):
            traceback.print_exception(error)
        code = 70
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    # Ending at once: DuckDB's binding otherwise prints pages about its own references at every exit.
    atexit._run_exitfuncs()
    os._exit(code)


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(REPO)] or frames
    where = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"
    return (
        f"程序错误 {type(error).__name__}（{where}），已发布的版本未变。"
        f"\n  Program error {type(error).__name__} at {where}; the published edition is unchanged. "
        "WAREHOUSE_TRACE=1 shows the trace, which may quote delivered values."
    )


def _home() -> Home:
    return Home.from_environment()


def _months(period: list[str] | None) -> set[str] | None:
    for month in period or []:
        parsed(month_start, month, "--period")
    return set(period) if period else None


def _day(text: str | None) -> date | None:
    return None if text is None else parsed(date.fromisoformat, text, "--as-of")


@app.command(
    epilog="例 / examples:  warehouse init --county 610629  ·  "
    "WAREHOUSE_HOME=other warehouse init --county 110101 --register nbs2021_all_levels.csv.gz"
)
def init(
    county: CountyCode,
    register: Register = None,
    first_period: Annotated[
        str | None, typer.Option(callback=_month, help="第一个报送月 YYYY-MM / first month delivered")
    ] = None,
    as_json: Json = False,
) -> None:
    """写入 county.yml 和报送文件夹 / write county.yml and the landing folders."""
    from pipelines.setup import set_up

    home = _home()
    made = set_up(home, county, register=register, first_period=first_period)
    if as_json:
        suppliers = [supplier.id for supplier in made.suppliers]
        print_json({"county": made.county_code, "name": made.name_zh, "county_file": home.county_file, "suppliers": suppliers})
        return
    if made.name_zh == county:
        errors.print(
            "[yellow]?[/] 随附区划中没有该县：单位将取自民政社区名册；可用 --register 带入区划文件 / the county is not in "
            "the shipped registers: units come from the register of communities; bring a division register by --register",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    console.print(
        f"{made.name_zh} {made.county_code}: {home.county_file}\n"
        f"{len(made.suppliers)} 个报送单位 suppliers → {home.landing}/<supplier>/<dataset>/<YYYY-MM>/",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


@app.command(epilog="例 / example:  warehouse generate --months 3 --people 20000")
def generate(
    county: CountyCode = "610629",
    people: Annotated[int | None, typer.Option(callback=_people, help="人数，缺省按普查 / people, default by the census")] = None,
    first_month: Annotated[str, typer.Option(callback=_month, help="第一个月 / first month")] = "2026-01",
    months: Annotated[int, typer.Option(min=1, max=60, help="月数 / number of months")] = 6,
    seed: Annotated[int, typer.Option(help="随机种子 / seed")] = 20260101,
    register: Register = None,
    as_json: Json = False,
) -> None:
    """生成示例县的报送文件和标准答案 / write sample deliveries and their truth."""
    from pipelines.sample import generate as generate_sample

    with progress() as on_progress:
        summary = generate_sample(
            _home(), county, people=people, first_month=first_month, months=months, seed=seed, register=register,
            on_progress=on_progress,
        )  # fmt: skip
    if as_json:
        print_json({"is_sample": True, **vars(summary)})
    else:
        console.print(f"{SAMPLE_MARK}: {summary}", highlight=False, soft_wrap=True)


@app.command(epilog="例 / example:  warehouse template grid_residents --output 实有人口.xlsx")
def template(
    dataset: str,
    output: Annotated[Path | None, typer.Option(help="文件名 / file to write")] = None,
    as_json: Json = False,
) -> None:
    """空白报送模板，含填表说明和下拉选项 / a blank .xlsx with headers, notes and drop-downs."""
    from pipelines.template import write_template

    contract = _contract(dataset)
    path = output or Path(f"{contract.title_zh}.xlsx")
    write_template(contract, path)
    if as_json:
        print_json({"dataset": contract.dataset, "file": path})
    else:
        console.print(f"{contract.title_zh} → {path}", highlight=False)


@app.command(
    epilog="例 / example:  warehouse check 实有人口_202601.csv --supplier grid_610629101 --dataset grid_residents --period 2026-01"
)
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="要检查的文件 / the file")],
    dataset: Annotated[str | None, typer.Option(help="数据集，缺省按所在文件夹 / dataset, default from its folder")] = None,
    period: Annotated[str | None, typer.Option(help="报送月 YYYY-MM，缺省按所在文件夹 / month, default from its folder")] = None,
    supplier: Annotated[
        str | None, typer.Option(help="报送单位，缺省按所在文件夹，或唯一应报者 / supplier, default from its folder, or the only one")
    ] = None,
    as_json: Json = False,
) -> None:
    """按报送规则检查一个文件，不入库 / validate a file as if delivered; nothing is loaded."""
    from pipelines.check import check_file, place_of
    from pipelines.keys import load_or_create_key
    from pipelines.opened import opened
    from pipelines.store import Slot

    place = place_of(file)
    if not (named := dataset or (place.dataset if place else None)):
        raise typer.BadParameter("--dataset: 文件不在报送文件夹中，请写明数据集 / the file lies in no landing folder: name its dataset")
    contract = _contract(named)
    with opened() as (home, county, store), progress() as on_progress:
        month = parsed(month_start, period or (place.period if place else county.first_period), "--period")
        by = _supplier(county, contract.dataset, supplier or (place.supplier_id if place else None))
        slot = Slot(by, contract.dataset, month_name(month))
        on_progress(f"检查 checking {file.name}")
        checked = check_file(home, county, store, file, slot, load_or_create_key(home.keys))
    if as_json:
        print_json({"file": file.name, **vars(slot), "is_sample": county.sample, **checked_json(checked)})
    else:
        mark_sample(county.sample)
        print_checked(file.name, checked)
    if not checked.is_sound:
        raise typer.Exit(1)


def _supplier(county: Any, dataset: str, named: str | None) -> str:
    """Who is taken to deliver a file: who is named, or else the only one of whom its dataset is expected."""
    known = [supplier.id for supplier in county.suppliers]
    expected = [name for one in county.expected if one.dataset == dataset for name in one.suppliers]
    if named in known:
        return str(named)
    if named is None and len(expected) == 1:
        return str(expected[0])
    found = f"{named}: 无此报送单位 / no such supplier" if named else "未写明报送单位 / not said who delivers it"
    raise typer.BadParameter(f"--supplier: {found}; {', '.join(expected or known)}")


@app.command(epilog="例 / examples:  warehouse run  ·  warehouse run --period 2026-06 --dataset grid_disputes --json")
def run(
    period: Annotated[list[str] | None, typer.Option(help="只收这些月份 / take in these months only")] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="只收这些数据集 / take in these datasets only")] = None,
    as_of: AsOf = None,
    full_refresh: Annotated[bool, typer.Option(help="全部重算 / compute everything again")] = False,
    as_json: Json = False,
) -> None:
    """收取报送文件、计算、审核、发布 / ingest, compute, audit, publish."""
    from pipelines.run import as_json as summary_as_json
    from pipelines.run import run as run_pipeline

    datasets = {_contract(name).dataset for name in dataset} if dataset else None
    with progress() as on_progress:
        summary = run_pipeline(
            _home(), months=_months(period), datasets=datasets, as_of=_day(as_of),
            full_refresh=full_refresh, on_progress=on_progress,
        )  # fmt: skip
    if as_json:
        print_json({**summary_as_json(summary), "edition": report_json(_home())})
        return
    print_files(summary)
    print_settled(summary.settled)
    print_report(_home())


@app.command(epilog="例 / example:  warehouse status --json")
def status(as_json: Json = False) -> None:
    """当前版本、最近一次运行、缺报情况、告警 / the current edition, the last run, what is missing, alerts."""
    from pipelines.alert_store import Alerts
    from pipelines.opened import opened

    with opened() as (_, county, store):
        last, alerts = store.last_run(), len(Alerts(store).all(is_open=True))
    if as_json:
        told = {"county": county.county_code, "is_sample": county.sample, "last_run": last, "open_alerts": alerts}
        print_json({**told, "edition": report_json(_home())})
        return
    if last is None:
        console.print("尚未运行 no run yet: warehouse run")
    else:
        console.print(
            f"最近运行 last run {local_time(last['started_at'])}: {last['outcome']} {last['message'] or ''}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    if alerts:
        console.print(f"未结告警 open alerts: {alerts} → warehouse alerts list --open", highlight=False)
    print_report(_home())


@app.command(epilog="例 / example:  warehouse verify")
def verify(as_json: Json = False) -> None:
    """核对批次、台账、版本的摘要 / compare batches, ledger and editions with their hashes."""
    from pipelines.verify import verify as verify_home

    with progress() as on_progress:
        found = verify_home(_home(), on_progress)
    if as_json:
        print_json(
            {
                "batches": found.batches, "ledger_entries": found.ledger_entries, "editions": found.editions,
                "changes": found.changes,
                "damages": damages_json(found.damages),
            }
        )  # fmt: skip
    else:
        console.print(
            f"批次 batches {found.batches} · 台账 ledger entries {found.ledger_entries} · 版本 editions {found.editions}"
            f" · 版本比较 accounts of changes {found.changes}",
            highlight=False,
        )
        print_damages(found.damages)
    if found.damages:
        raise typer.Exit(1)


@app.command(epilog="例 / example:  warehouse publish --as-of 2026-07-11")
def publish(as_of: AsOf = None, as_json: Json = False) -> None:
    """不收新文件，重新计算有变化的部分并审核发布 / compute what changed, audit and publish, without taking in files."""
    from pipelines.run import as_json as summary_as_json
    from pipelines.run import compute_and_publish, open_session, recorded

    with (
        progress() as on_progress,
        open_session(_home(), as_of=_day(as_of)) as session,
        recorded(session) as summary,
    ):
        compute_and_publish(session, summary, on_progress=on_progress)
    if as_json:
        print_json({**summary_as_json(summary), "edition": report_json(_home())})
        return
    print_settled(summary.settled)
    print_report(_home())


@app.command(epilog="例 / example:  warehouse reinstate 0f3a…  &&  warehouse publish")
def reinstate(batch_id: str, as_json: Json = False) -> None:
    """恢复被取代的批次（之后请运行 publish） / make a superseded batch current again; then run publish."""
    from pipelines.run import open_session

    with progress() as on_progress, open_session(_home()) as session:
        on_progress(f"恢复批次 reinstating {batch_id}")
        try:
            slot = session.store.reinstate(batch_id, session.run_id)
        except KeyError as error:
            raise typer.BadParameter(f"台账中没有批次 {batch_id} / no such batch in the ledger") from error
    if as_json:
        print_json({**vars(slot), "batch_id": batch_id})
    else:
        console.print(f"{slot.supplier_id}/{slot.dataset}/{slot.period} ← {batch_id}", highlight=False)


@app.command(epilog="例 / example:  warehouse serve --port 8050 --dagster-port 0")
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="看板端口 / port of the dashboards")] = 8050,
    dagster_port: Annotated[int, typer.Option(min=0, max=65535, help="Dagster 端口，0 为不启动 / port of Dagster, 0 for none")] = 3000,
    workers: Annotated[int, typer.Option(min=1, help="看板进程数 / dashboard processes")] = 2,
    socket: Annotated[
        Path | None, typer.Option(help="看板用 Unix 套接字代替端口，供代理连接 / a Unix socket for a proxy instead of the port")
    ] = None,
) -> None:
    """看板与 Dagster（网页与守护进程），只在本机 / dashboards and Dagster, on loopback only."""
    from pipelines.serving import serve_all

    sys.exit(serve_all(_home(), port=port, dagster_port=dagster_port, workers=workers, dashboards_socket=socket))


@app.command(epilog="例 / examples:  warehouse bench --quick  ·  warehouse bench --full --only growth --only communities")
def bench(
    output: Annotated[Path, typer.Option(help="结果文件 / file of results")] = REPO / "artifacts" / "bench.json",
    only: Annotated[list[str] | None, typer.Option(help="只测这部分，可多次给出 / this part only; may be given again")] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="示例县只报送这些数据集 / datasets that the sample county delivers, by default all")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="小规模试测 / a small trial")] = False,
    full: Annotated[bool, typer.Option("--full", help="全部承诺的规模，需一小时以上 / the promised sizes: over an hour")] = False,
    register: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="全国区划文件 / national division register")
    ] = None,
    as_json: Json = False,
) -> None:
    """测速与内存，以比值为主 / speed and memory, as ratios where possible."""
    from pipelines.bench import BOUNDED, FULL, NATIONAL_REGISTER, PARTS, QUICK, run_bench

    if quick and full:
        raise typer.BadParameter("--quick 与 --full 只能选一个 / only one of --quick and --full")
    if unknown := set(only or ()) - set(PARTS):
        raise typer.BadParameter(f"--only: {', '.join(sorted(unknown))} — {', '.join(PARTS)}")
    sizes = QUICK if quick else FULL if full else BOUNDED
    with progress() as on_progress:
        results = run_bench(
            output, sizes, only=only or PARTS, register=register or NATIONAL_REGISTER,
            datasets=[_contract(name).dataset for name in dataset] if dataset else None, on_progress=on_progress,
        )  # fmt: skip
    if as_json:
        print_json(results)
    else:
        print_measurements(results, output)


def _contract(dataset: str) -> Any:
    from expectations.contract import load_contract

    try:
        return load_contract(dataset)
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0])) from error


if __name__ == "__main__":
    main()
