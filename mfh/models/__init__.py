"""Which learned models each stage needs, from where, and under which licence."""

from mfh.models.catalogue import Model, catalogue, default_model

__all__ = ["Model", "catalogue", "default_model"]
