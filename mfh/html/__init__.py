"""HTML pages that need nothing but themselves: markup, look, pictures and charts.

Shared by the report of a run and the page of an evaluation.
"""
