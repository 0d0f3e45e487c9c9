"""The command `pointman`: `main` is its entry point, `sync.cli.app` holds the commands."""

import gc


def main() -> None:
    """Run the command line. Garbage is not collected until a command asks for it: that is a fifth of the start."""
    gc.disable()
    from sync.cli.app import app

    app()
