"""Training CLIP2Depth."""
