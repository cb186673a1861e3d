"""Scores of the predictions of a run, without models.

`score` gives those of one photo, `statistics` what they come to, `score_files` writes them.
"""
