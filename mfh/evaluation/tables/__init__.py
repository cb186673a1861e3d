"""Tables of scores beside published figures: as plain strings, as Markdown, as LaTeX."""
