"""The photos of the page: which are shown, and how they are drawn."""
