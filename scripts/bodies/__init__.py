"""The steps of `make_bodies.py`: poses, kinematics, clothes, posing, one topology for all."""
