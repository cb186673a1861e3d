"""The command line: thin typer commands over `mfh`."""
