"""The pseudonym key: made once, readable by its owner alone, and useless for guessing another purpose's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.keys import Key, UnusableKey, load_or_create_key
from pipelines.settings import Home

MAKE_KEY = "import sys; from pathlib import Path; from pipelines.keys import load_or_create_key as k; print(k(Path(sys.argv[1])).id)"


def test_the_key_is_made_on_first_use_and_kept(home: Home) -> None:
    first = load_or_create_key(home.keys)
    assert load_or_create_key(home.keys) == first
    assert len(first.secret) == 32
    assert first.id.startswith("hmac-sha256:")


def test_two_data_roots_have_two_keys(home: Home) -> None:
    one, two = load_or_create_key(home.keys), load_or_create_key(home.root / "other")
    assert one.secret != two.secret
    assert one.id != two.id


def test_only_the_owner_can_read_the_key_and_its_folder(home: Home) -> None:
    load_or_create_key(home.keys)
    assert home.keys.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in home.keys.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_or_write_is_refused(home: Home, mode: int) -> None:
    load_or_create_key(home.keys)
    (home.keys / "pseudonym.json").chmod(mode)
    with pytest.raises(UnusableKey, match="mode 600"):
        load_or_create_key(home.keys)


def test_many_first_runs_at_once_in_one_process_agree_on_one_key(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_or_create_key(home.keys), range(8)))
    assert len(set(keys)) == 1


def test_two_first_runs_in_two_processes_agree_on_one_key(home: Home) -> None:
    command = [sys.executable, "-c", MAKE_KEY, str(home.keys)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0].strip() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert said == [load_or_create_key(home.keys).id] * 2


def test_nothing_but_the_key_is_left_in_its_folder(home: Home) -> None:
    load_or_create_key(home.keys)
    load_or_create_key(home.keys)
    assert [path.name for path in home.keys.iterdir()] == ["pseudonym.json"]


def test_what_an_earlier_crash_left_behind_does_not_stop_the_first_run(home: Home) -> None:
    home.keys.mkdir(parents=True)
    (home.keys / f".pseudonym.json.{os.getpid()}").touch(mode=0o600)  # the same process id, come round again
    assert load_or_create_key(home.keys).secret


def test_the_secret_is_neither_in_the_id_nor_in_what_python_shows_of_a_key(home: Home) -> None:
    key = load_or_create_key(home.keys)
    content = json.loads((home.keys / "pseudonym.json").read_text(encoding="utf-8"))
    assert content["algorithm"] == "hmac-sha256"
    assert content["secret"] not in repr(key)
    assert key.id.removeprefix("hmac-sha256:") not in content["secret"]


def test_each_purpose_has_a_key_of_its_own() -> None:
    key = Key("id", bytes(32))
    purposes = ["person", "reference:household_no", "name", "pinyin", "characters"]
    derived = {key.for_purpose(purpose) for purpose in purposes}
    assert len(derived) == len(purposes)
    assert bytes(32).hex() not in derived
