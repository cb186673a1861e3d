"""What the simulation ships with, so that `mfh demo` needs no download.

`bodies.npz`: dressed people in everyday poses, made by `scripts/make_bodies.py`, read by
`mfh.simulation.bodies`.
`demo_photo.png`, `demo_depth.png` (16-bit, in steps of 1/8000 m), `demo_camera.json`: a rendered
room with its exact depth and its camera, made by `scripts/make_demo_scene.py`, read by
`mfh.simulation.demo_scene`.
"""
