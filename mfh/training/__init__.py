"""Photos with depth that models are trained on."""
