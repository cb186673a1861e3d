"""DepthLM: a vision language model that is asked how far a marked pixel is."""
