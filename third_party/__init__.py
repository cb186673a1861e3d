"""Facts about upstream models, one TOML file each; `mfh.models` reads them."""
