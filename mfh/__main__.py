"""`python -m mfh`: the command line."""

from mfh_cli.main import run

run()
