"""Everything that is written for the user.

Depth files, pictures of depth and its error, a point cloud, a contact sheet of the painted photos,
and a summary.
"""

from mfh.results.contact_sheet import contact_sheet
from mfh.results.depth_files import read_depth_npz, write_depth_npz, write_depth_png_mm
from mfh.results.folder import write_results
from mfh.results.picture import depth_picture, error_picture
from mfh.results.point_cloud import write_point_cloud
from mfh.results.summary import one_line, summary_dict, summary_lines

__all__ = [
    "contact_sheet",
    "depth_picture",
    "error_picture",
    "one_line",
    "read_depth_npz",
    "summary_dict",
    "summary_lines",
    "write_depth_npz",
    "write_depth_png_mm",
    "write_point_cloud",
    "write_results",
]
