"""`mythwatch classify`: run the classify service, as `python -m services.classify` does."""

from __future__ import annotations


def classify() -> None:
    """Run the classify service: posts in, verdicts out, until it is told to stop (MYTHWATCH_CLASSIFY_* are its settings).

    Example: MYTHWATCH_KAFKA_BOOTSTRAP=kafka:9092 mythwatch classify
    """
    from services.classify.__main__ import main

    main()
