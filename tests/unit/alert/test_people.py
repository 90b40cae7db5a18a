"""The people file: what it takes, what it refuses, and what each role may do."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from services.alert.people import MAY, Act, PeopleError, Role, hashed, one_account, read_people, signing_key
from services.command.main import app

HASH = hashed("correct horse battery")


def written(folder: Path, people: object) -> Path:
    path = folder / "people.yaml"
    path.write_text(yaml.safe_dump(people), encoding="utf-8")
    return path


def test_a_person_signs_in_with_their_own_password_only(tmp_path: Path) -> None:
    people = read_people(written(tmp_path, {"anna": {"name": "Anna", "role": "clinician", "password": HASH}}))
    anna = people.signs_in("anna", "correct horse battery")
    assert anna is not None
    assert (anna.name, anna.role) == ("Anna", Role.CLINICIAN)
    for person, password in (("anna", "wrong"), ("anna", ""), ("anna", HASH), ("bert", "correct horse battery")):
        assert people.signs_in(person, password) is None


def test_only_the_admin_may_do_everything() -> None:
    assert MAY[Role.ADMIN] == set(Act)
    assert not MAY[Role.VIEWER]
    assert Act.APPROVE not in MAY[Role.OFFICER]
    assert Act.ARRANGE not in MAY[Role.CLINICIAN]


def test_without_a_password_there_is_nobody() -> None:
    assert one_account("officer", "").signs_in("officer", "") is None
    assert one_account("officer", "secret").signs_in("officer", "secret") is not None


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ({}, "nobody is in it"),
        (["anna"], "nobody is in it"),
        ({"Anna!": {"role": "viewer", "password": HASH}}, "Anna!: the name to sign in with"),
        ({"anna": "officer"}, "anna: fields"),
        ({"anna": {"role": "officer", "password": HASH, "admin": True}}, "anna: fields"),
        ({"anna": {"role": "boss", "password": HASH}}, "anna: role: one of viewer, officer, clinician, admin"),
        ({"anna": {"role": ["viewer"], "password": HASH}}, "anna: role: one of"),
        ({"anna": {"password": HASH}}, "anna: role"),
        ({"anna": {"role": "viewer", "password": "hunter2-hunter2"}}, "anna: password: the hash"),
        ({"anna": {"role": "viewer", "password": "$argon2id$rubbish"}}, "anna: password: the hash"),
        ({"anna": {"role": "viewer"}}, "anna: password"),
        ({"anna": {"name": "A\0", "role": "viewer", "password": HASH}}, "anna: name"),
        ({"anna": {"role": "viewer", "slack": "anna"}}, "anna: slack: the member id"),
        ({name: {"role": "viewer", "slack": "U04ANNA"} for name in ("anna", "vera")}, "two people have the same slack"),
    ],
)
def test_a_mistake_names_the_person_the_field_and_the_fix(tmp_path: Path, people: object, told: str) -> None:
    with pytest.raises(PeopleError) as wrong:
        read_people(written(tmp_path, people))
    assert told in str(wrong.value)
    assert "hunter2" not in str(wrong.value), "a password must not reach a log"


def test_a_file_that_is_not_there_or_not_yaml_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PeopleError, match="cannot be read"):
        read_people(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("anna: {role: [", encoding="utf-8")
    with pytest.raises(PeopleError, match="not YAML"):
        read_people(broken)


def test_the_commands_make_a_hash_and_check_the_file(tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(app, ["people", "password"], input="correct horse battery\n")
    assert made.exit_code == 0, made.output
    path = written(tmp_path, {"anna": {"role": "viewer", "password": made.output.strip().splitlines()[-1]}})
    found = runner.invoke(app, ["people", "check", str(path)])
    assert found.exit_code == 0, found.output
    assert "anna" in found.output
    assert "nothing else" in found.output
    assert runner.invoke(app, ["people", "password"], input="short\n").exit_code == 2
    assert runner.invoke(app, ["people", "check", str(tmp_path / "none.yaml")]).exit_code == 2


def test_the_key_that_signs_is_made_of_secrets_and_never_of_what_everybody_can_read(tmp_path: Path) -> None:
    accounts = read_people(written(tmp_path, {"anna": {"role": "admin", "account": "anna@hospital.example"}}))
    public = hashlib.scrypt(b"", salt=b"mythwatch console session", n=2**15, r=8, p=3, maxmem=2**26, dklen=32)
    assert signing_key(accounts, "") != public
    assert signing_key(accounts, "") == signing_key(accounts, ""), "the same for the console and the mails of a process"
    assert signing_key(accounts, "", "client secret") != signing_key(accounts, "", "another client secret")
    code = (
        "from pathlib import Path; import sys; from services.alert.people import *;"
        "print(signing_key(read_people(Path(sys.argv[1])), '').hex())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "people.yaml")], capture_output=True, text=True, check=True
    )
    assert elsewhere.stdout.strip() != signing_key(accounts, "").hex(), "another process has another one by chance"
