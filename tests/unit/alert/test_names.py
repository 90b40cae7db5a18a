"""People are called by their names, whichever id they decided under."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.alert import names
from services.alert.email_message import compose
from services.alert.people import People, Person, Role
from services.alert.slack_blocks import message
from tests.unit.alert.examples import view
from tests.unit.alert.test_email_message import job, part


@pytest.fixture(autouse=True)
def anna() -> Iterator[None]:
    names.use(People({"anna": Person("anna", "Anna de Vries", Role.OFFICER, "", slack="U04ANNA")}))
    yield
    names.use(People({}))


@pytest.mark.parametrize("person", ["anna", "U04ANNA"])
def test_a_mail_names_who_decided(person: str) -> None:
    found = view(case={"status": "acknowledged", "decided_by": person})
    mail = compose(job(), found, "mythwatch@hospital.example", "http://console", "en")
    assert "Acknowledged by Anna de Vries" in part(mail, "plain")


def test_slack_mentions_its_members_and_names_the_others() -> None:
    for person, shown in (("U04ANNA", "<@U04ANNA>"), ("anna", "Anna de Vries"), ("U04STRANGER", "<@U04STRANGER>")):
        _, blocks = message(view(case={"status": "acknowledged", "decided_by": person}), "http://console", "en", True)
        assert f"Acknowledged by {shown}" in str(blocks)


def test_somebody_that_nobody_named_keeps_the_id() -> None:
    assert (names.called("bert"), names.called("")) == ("bert", "")
