"""The ray casting itself, in the subset of Python that NVIDIA Warp compiles."""

# Warp's annotations are values for its compiler, not Python types.
# mypy: ignore-errors
# ruff: noqa: UP018

from mfh.warp_runtime import wp

# Nothing is differentiated, and kernels without their adjoint compile in half the time.
wp.set_module_options({"enable_backward": False})


@wp.kernel
def cast_pixels(
    meshes: wp.array(dtype=wp.uint64),
    boxes_px: wp.array2d(dtype=wp.int32),
    camera: wp.vec4,
    near_m: float,
    with_surface: bool,
    depth_m: wp.array3d(dtype=wp.float32),
    face: wp.array3d(dtype=wp.int32),
    barycentric: wp.array3d(dtype=wp.vec2),
):
    """Cast one ray: thread (mesh, row, column) takes that pixel of the mesh's box, if it has it.

    camera holds fx, fy, cx, cy. Pixels without a hit are left as they are, and so are `face` and
    `barycentric` altogether unless `with_surface`.
    """
    mesh, row, column = wp.tid()
    x = boxes_px[mesh, 0] + column
    y = boxes_px[mesh, 1] + row
    if x >= boxes_px[mesh, 2] or y >= boxes_px[mesh, 3]:
        return
    # With z = 1 in the direction, what Warp gives as distance along the ray is the depth.
    direction = wp.vec3(
        (float(x) + 0.5 - camera[2]) / camera[0], (float(y) + 0.5 - camera[3]) / camera[1], 1.0
    )
    start_m = float(0.0)
    hit = wp.mesh_query_ray(meshes[mesh], wp.vec3(0.0, 0.0, 0.0), direction, 1.0e30)
    if hit.result and hit.t < near_m:
        start_m = near_m
        hit = wp.mesh_query_ray(meshes[mesh], near_m * direction, direction, 1.0e30)
    if hit.result:
        depth_m[mesh, y, x] = start_m + hit.t
        if with_surface:
            face[mesh, y, x] = hit.face
            barycentric[mesh, y, x] = wp.vec2(hit.u, hit.v)
