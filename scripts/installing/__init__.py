"""What scripts/install.py is made of: which checkpoints a task takes, where they come from, and their files as serving
needs them."""
