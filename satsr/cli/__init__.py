"""The command line: doors to the functions that notebooks call."""


def main() -> None:
    """Run the command line."""
    from satsr.cli.app import main as run

    run()
