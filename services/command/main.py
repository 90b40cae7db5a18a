"""`mythwatch`: the one command. Each sub-command is a file beside this one; heavy libraries are imported when it runs."""

from __future__ import annotations

import logging
import os
import sys

import typer

from services.command import (
    alert,
    bench,
    broker,
    classify,
    deadletters,
    demo,
    evaluate,
    ingest,
    myths,
    people,
    privacy,
    replay,
    routes,
    score,
    settings_table,
    topics,
    train,
)
from services.stream.failures import Fatal, Invalid, NotReady
from services.stream.ports import PortTaken
from services.stream.service import EXIT_WRONG_USE, CannotStart
from services.stream.settings import SettingsError
from services.stream.topic_admin import TopicsDiffer

app = typer.Typer(
    name="mythwatch",
    help="Finds the narratives that spread medical myths in public posts, and tells the people who can answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# In the order of a post's journey, then of a model's life, then the tools.
app.command(epilog="Example: mythwatch demo")(demo.demo)
app.add_typer(ingest.app, name="ingest")
app.command()(classify.classify)
app.command()(alert.alert)
app.add_typer(routes.app, name="routes")
app.add_typer(topics.app, name="topics")
app.command()(score.score)
app.command()(train.train)
app.command()(evaluate.evaluate)
app.add_typer(myths.app, name="myths")
app.add_typer(deadletters.app, name="deadletters")
app.add_typer(people.app, name="people")
app.add_typer(privacy.app, name="privacy")
app.command()(replay.replay)
app.add_typer(broker.app, name="broker")
app.add_typer(bench.app, name="bench")
app.command(epilog="Example: mythwatch settings")(settings_table.settings)

# What a person can mend: one line, no traceback.
_WRONG_USE = (SettingsError, PortTaken, TopicsDiffer, CannotStart, Invalid, broker.BrokerError)
_AWAY = (NotReady, Fatal)


def main() -> None:
    """Run the command; wrong use is one line on standard error and exit code 2."""
    # A library's own warning would stand beside our one line.
    logging.basicConfig(level=logging.CRITICAL)
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        # The reader went away (`mythwatch ... | head`): nothing to say to nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except _WRONG_USE as error:
        _fail(str(error), EXIT_WRONG_USE)
    except _AWAY as error:
        _fail(str(error), 1)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.ctx.get_help())  # type: ignore[attr-defined]
            sys.exit(EXIT_WRONG_USE)
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        # Typer's usage errors: which command, what was wrong.
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "mythwatch"
        _fail(f"{where}: {message()} (see `{where} --help`)", getattr(error, "exit_code", EXIT_WRONG_USE))
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    print(" ".join(message.split()), file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
