"""Writes `docs/questions.md` anew from the sample that the flow tests run on: python -m tests.support.questions_page."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipelines.questions import PAGE, QUESTIONS, render
from pipelines.run import run
from pipelines.settings import Home
from tests.flow.conftest import AS_OF, deliver_sample

DOCUMENT = QUESTIONS.with_name(PAGE)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "data")
        deliver_sample(home)
        run(home, as_of=AS_OF)
        DOCUMENT.write_text(render(home.pointer.resolve()), encoding="utf-8")


if __name__ == "__main__":
    main()
