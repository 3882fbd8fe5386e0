"""What scripts/export.py is made of: a deployment's forward pass into an engine, checked against eager PyTorch."""
