"""Whatever is asked or sent, by whoever: an answer below 500 that tells nothing of the inside."""

from __future__ import annotations

from pathlib import Path

import pytest
from dash import Dash
from flask.testing import FlaskClient

from pipelines.follow_up_store import FollowUp
from pipelines.objection_store import Objections
from pipelines.store import Store
from tests.support.doors import OTHER, contested_figure, missed_units, open_objection, task_about
from tests.support.fuzzing import assert_nothing_fails


def test_no_request_makes_the_server_fail_or_tell_of_its_inside(
    app: Dash, clients: dict[str, FlaskClient], published: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = [task_about(published, FollowUp(store), unit) for unit in missed_units(published)]
    forms = [
        *(f"/follow-up/{task}" for task in tasks), f"/objections/{open_objection(published, Objections(store))}",
        contested_figure(published, OTHER), "/account", "/alerts", "/steward/rules?dataset=grid_disputes",
    ]  # fmt: skip
    assert_nothing_fails(app, clients, published.parent, caplog, forms=forms)
