"""People of the console and what each role may do. Pure but for reading the file.

`MYTHWATCH_ALERT_PEOPLE` names a YAML file, `name: {name, role, password, account, token, slack}`. Passwords are argon2id hashes made by
`mythwatch people password`, accounts what the hospital's provider calls them (OpenID Connect), tokens, for machines, hashes made by
`mythwatch people token`, `slack` the id of a Slack member. Without the file there is one account, of the settings, that may do everything.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TOKEN = re.compile(r"[0-9a-f]{64}")
_SLACK = re.compile(r"[UW][A-Z0-9]{2,20}")
# Who isn't there is looked for as long as who is, so that names can't be guessed by the time it takes.
_NOBODY = PasswordHasher().hash("nobody has this password")


class PeopleError(ValueError):
    """The file can't be used; the message names the person, the field and the fix."""


class Role(StrEnum):
    """What somebody is to the desk."""

    VIEWER = "viewer"
    OFFICER = "officer"
    CLINICIAN = "clinician"
    ADMIN = "admin"


class Act(StrEnum):
    """What a page lets people do."""

    DECIDE = "decide"  # acknowledge, assign, mute, not a myth, answered, reopen
    ARRANGE = "arrange"  # merge and split cases
    PROPOSE = "propose"  # write an answer
    APPROVE = "approve"  # put an answer in force
    ERASE = "erase"  # see and erase all that is held on an author or a post


MAY: Mapping[Role, frozenset[Act]] = {
    Role.VIEWER: frozenset(),
    Role.OFFICER: frozenset({Act.DECIDE, Act.ARRANGE, Act.PROPOSE}),
    Role.CLINICIAN: frozenset({Act.DECIDE, Act.PROPOSE, Act.APPROVE}),
    Role.ADMIN: frozenset(Act),
}
"""Everybody who signs in may look; this is what else."""


@dataclass(frozen=True)
class Person:
    """Somebody who signs in as `id`; `password` is an argon2id hash, `token` a SHA-256; empty where there is none."""

    id: str
    name: str
    role: Role
    password: str
    token: str = ""
    account: str = ""
    slack: str = ""

    def may(self, act: Act) -> bool:
        return act in MAY[self.role]


@dataclass(frozen=True)
class People:
    """Everybody who may sign in. `alone`: one account for all, whose own proposals somebody has to approve."""

    people: Mapping[str, Person]
    alone: bool = False

    def get(self, person_id: str) -> Person | None:
        """None for somebody who is no longer there."""
        return self.people.get(person_id)

    def signs_in(self, person_id: str, password: str) -> Person | None:
        """The person, if the password is theirs. Takes a moment on purpose: not for the event loop."""
        person = self.people.get(person_id)
        try:
            PasswordHasher().verify(person.password if person else _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return None
        return person

    def of_account(self, account: str) -> Person | None:
        """Whom the hospital's provider calls so; letters' case doesn't matter, as in e-mail addresses."""
        wanted = account.casefold()
        return (
            next((person for person in self.people.values() if person.account.casefold() == wanted), None)
            if wanted
            else None
        )

    @property
    def in_slack(self) -> Mapping[str, Person]:
        """Those with a Slack member id, by it."""
        return {person.slack: person for person in self.people.values() if person.slack}

    def may_look_in_slack(self, member: str) -> bool:
        """Everybody may while nobody has a Slack member id: then the channel's members are who they are."""
        return not self.in_slack or member in self.in_slack

    def may_decide_in_slack(self, member: str) -> bool:
        """The same for what their role lets them do."""
        return not self.in_slack or (member in self.in_slack and self.in_slack[member].may(Act.DECIDE))

    def of_token(self, token: str) -> Person | None:
        """Whose token it is."""
        given = token_hash(token)
        return next((person for person in self.people.values() if person.token == given), None)


def new_token() -> str:
    """256 bits of chance: nothing to guess, so that a fast hash is enough."""
    return f"mw_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """What the people file keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def one_account(user: str, password: str) -> People:
    """The account of the settings, which may do everything."""
    return People({user: Person(user, user, Role.ADMIN, hashed(password))} if password else {}, alone=True)


def hashed(password: str) -> str:
    """The argon2id hash of a password, with the library's current parameters (RFC 9106)."""
    return PasswordHasher().hash(password)


def people_of(file: Path | None, user: str, password: str) -> People:
    """Those of the file, or the one account. Raises PeopleError."""
    return read_people(file) if file else one_account(user, password)


_BY_CHANCE = secrets.token_hex(32)
"""Signs where nothing secret is set up (accounts of a provider without a client secret): until the process ends."""


def signing_key(people: People, password: str, oidc_secret: str = "") -> bytes:
    """What signs sessions and mail links; another one once a password or token changes, which ends those it began.

    Made of secrets alone: without any it is made by chance, never of what everybody can read.

    Slow on purpose: a cookie must not help to guess a password. scrypt's parameters are OWASP's minimum (Password Storage Cheat
    Sheet: N=2^15, r=8, p=3), 32 MB, about 0.2 s.
    """
    own = [] if people.alone else sorted(person.password + person.token for person in people.people.values())
    return hashlib.scrypt(
        ("".join([password, oidc_secret, *own]) or _BY_CHANCE).encode(),
        salt=b"mythwatch console session",
        n=2**15,
        r=8,
        p=3,
        maxmem=2**26,
        dklen=32,
    )


def read_people(path: Path) -> People:
    """Raises PeopleError naming what is wrong first."""
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PeopleError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PeopleError(f"{path}: not YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(raw, dict) or not raw:
        raise PeopleError(f"{path}: nobody is in it; write `anna: {{name: Anna, role: officer, password: ...}}`")
    people = {str(key): _person(str(key), value, path) for key, value in raw.items()}
    for field in ("account", "token", "slack"):
        given = [getattr(one, field).casefold() for one in people.values() if getattr(one, field)]
        if len(set(given)) < len(given):
            raise PeopleError(f"{path}: two people have the same {field}; who is it?")
    return People(people)


def _person(key: str, value: Any, path: Path) -> Person:
    def wrong(field: str, fix: str) -> PeopleError:
        return PeopleError(f"{path}: {key}: {field}: {fix}")

    if not _NAME.fullmatch(key):
        raise wrong("the name to sign in with", "lower-case letters, digits, dots and dashes, at most 64")
    if not isinstance(value, dict) or not set(value) <= {"name", "role", "password", "account", "token", "slack"}:
        raise wrong("fields", "name, role, password, account, token or slack, and nothing else")
    name, role, password = value.get("name", key), value.get("role"), value.get("password")
    if not isinstance(name, str) or not 0 < len(name) <= 100 or not name.isprintable():
        raise wrong("name", "the person's name, at most 100 characters")
    if role not in list(Role):
        raise wrong("role", f"one of {', '.join(Role)}")
    token, account, slack = value.get("token", ""), value.get("account", ""), value.get("slack", "")
    if not isinstance(account, str) or len(account) > 320 or not account.isprintable():
        raise wrong("account", "what the provider calls them, such as an e-mail address")
    if slack and not (isinstance(slack, str) and _SLACK.fullmatch(slack)):
        raise wrong("slack", "the member id of their Slack profile, such as U04ABCDEF")
    if password is None and not token and not account and not slack:
        raise wrong(
            "password",
            "give a password, an account of the hospital's provider, a Slack member id, or a token for a machine",
        )
    if password is not None and not (isinstance(password, str) and _is_hash(password)):
        raise wrong("password", "the hash that `mythwatch people password` prints, never the password itself")
    if token and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        raise wrong("token", "the hash that `mythwatch people token` prints, never the token itself")
    return Person(key, name, Role(role), password or "", token, account, slack)


def _is_hash(password: str) -> bool:
    try:
        return extract_parameters(password).type is Type.ID
    except InvalidHashError:
        return False
