"""What `benchmarks/metric_head.py` is made of: cases, scores, cells of tables, and plots."""
