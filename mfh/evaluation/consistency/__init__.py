"""Whether depth stays the same from frame to frame, and shrinks with what it is of.

CLIP2Depth, section 4.2. `temporal` compares neighbouring frames of a drive, `spatial` the depth of
objects with their height in px. Both take the predictions of an evaluation run.
"""
