"""Training DepthLM: supervised fine-tuning of a vision language model on labelled pixels."""
