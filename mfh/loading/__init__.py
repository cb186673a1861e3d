"""Loading models of diffusers and transformers from folders, as data.

No code of a folder is run, missing tensors are named, and nothing is printed. Only modules that
are themselves loaded late import torch.
"""
