"""The charts of the page: of photos, of pixels, and against the number of paintings."""
