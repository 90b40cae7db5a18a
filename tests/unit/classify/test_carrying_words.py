from __future__ import annotations

import pytest

from services.classify.carrying_words import MOST_CHARACTERS, MOST_SENTENCES, quoted, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One thing only", ["One thing only"]),
        ("They know it. They hide it from you! Why?", ["They know it.", "They hide it from you! Why?"]),
        ("first line of it\n\nsecond line of it", ["first line of it", "second line of it"]),
        ("„Alles Zufall.“ Na klar, Herr Doktor.", ["„Alles Zufall.“ Na klar, Herr Doktor."]),
        ("3.5 mmol/l is fine, he said. Sure it is, doctor.", ["3.5 mmol/l is fine, he said.", "Sure it is, doctor."]),
        ("ok. no. well", ["ok. no. well"]),
        ("\n \n", []),
    ],
)
def test_a_post_in_parts_that_can_be_quoted(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_a_long_post_has_a_bounded_number_of_parts() -> None:
    assert len(sentences("This is a whole sentence. " * 50)) == MOST_SENTENCES


def test_the_surest_part_is_quoted_and_cut() -> None:
    assert quoted(["Hello there, all.", "Vaccines kill."], [-3.0, -0.1]) == "Its words: “Vaccines kill.”"
    assert len(quoted(["x" * 1_000], [0.0])) <= MOST_CHARACTERS + len("Its words: “”")
