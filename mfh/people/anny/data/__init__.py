"""The body that is fitted to people in photos, so that measuring them needs no download.

`body.npz`: shapes and skinning of adults and children, made by `scripts/make_body_model.py`, read
by `mfh.people.anny.body`.
"""
