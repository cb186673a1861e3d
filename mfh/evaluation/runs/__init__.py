"""An evaluation run on disk: what it is of, its predictions, and making those that are missing.

`running.evaluate` makes them; `run_file.RunInfo` is `run.json`, `predictions` are the files.
"""
