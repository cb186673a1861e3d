"""Everything that is written for the user.

Depth files, pictures of depth and its error, point clouds, meshes and scenes for other tools
(`mfh.results.formats`), a contact sheet of the painted photos, a report and a summary.
"""

from mfh.results.contact_sheet import contact_sheet
from mfh.results.depth_files import read_depth_npz, write_depth_npz, write_depth_png_mm
from mfh.results.exr import write_depth_exr
from mfh.results.folder import write_results
from mfh.results.formats import FORMATS
from mfh.results.mesh import write_mesh
from mfh.results.picture import depth_picture, error_picture
from mfh.results.point_cloud import write_point_cloud
from mfh.results.scenes import write_colmap, write_nerfstudio
from mfh.results.summary import one_line, summary_dict, summary_lines

__all__ = [
    "FORMATS",
    "contact_sheet",
    "depth_picture",
    "error_picture",
    "one_line",
    "read_depth_npz",
    "summary_dict",
    "summary_lines",
    "write_colmap",
    "write_depth_exr",
    "write_depth_npz",
    "write_depth_png_mm",
    "write_mesh",
    "write_nerfstudio",
    "write_point_cloud",
    "write_results",
]
