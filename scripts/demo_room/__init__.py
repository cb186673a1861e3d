"""The steps of `make_demo_scene.py`: shapes, furniture, the room, textures, the path tracer."""
