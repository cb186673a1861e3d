"""The people of painted photos, measured in metres: meshes from files."""

from mfh.people.from_files import PeopleFiles

__all__ = ["PeopleFiles"]
