"""Finding people in painted photos and measuring them in metres.

For now: meshes from files.
"""

from mfh.people.from_files import PeopleFiles

__all__ = ["PeopleFiles"]
