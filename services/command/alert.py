"""`mythwatch alert`: run the alert service."""

from __future__ import annotations


def alert() -> None:
    """Run the alert service: verdicts become cases, people are told by Slack and e-mail; serves the console.

    Settings are environment variables MYTHWATCH_ALERT_...; see the table in the README.

    Example: MYTHWATCH_KAFKA_BOOTSTRAP=kafka:9092 mythwatch alert
    """
    from services.alert.__main__ import main

    main()
